//! The daily check.

use cfn_ssm_document::drift::Mode;
use cfn_ssm_document::handler::unhandled::Unhandled;
use loopback_aws::Fault;
use loopback_aws::ssm::Document;
use tokio::time::Instant;

use super::{Guarded, daily};
use crate::documents::{NAME, content, preferences};

#[tokio::test(start_paused = true)]
async fn the_daily_check_finds_one_drifted_document_among_five_hundred() {
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.world.aws.ssm(|model| {
        for number in 0..499 {
            let document = Document::session(&format!("Other-{number:03}"), preferences("1"));
            // Half of them bear the tag and are in order.
            let tagged = document.clone().tag(super::TAG, "1").tag("cfn-ssm-document:stack-id", "arn:other");
            model.put_document(if number % 2 == 0 { tagged } else { document });
        }
    });
    guarded.moves_default(1);
    guarded.world.aws.on("ListDocuments").nth(3).fault(Fault::throttling());
    let started = Instant::now();
    guarded.event(&daily()).await.unwrap();
    assert_eq!((guarded.world.default_content(NAME), guarded.counted().len()), (content("20"), 2));
    let calls = guarded.world.aws.calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!(count("ListDocuments"), 11, "ten pages, and one again");
    assert!(count("DescribeDocument") < 260, "only documents with the tag are described");
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_read_does_not_keep_the_others_from_being_checked() {
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.world.aws.ssm(|model| {
        let first =
            Document::session("AAA", preferences("1")).tag(super::TAG, "1").tag("cfn-ssm-document:stack-id", "x");
        model.put_document(first);
    });
    guarded.moves_default(1);
    guarded.world.aws.on("DescribeDocument").nth(1).fault(Fault::error(400, "InvalidDocumentOperation", "no"));
    let Err(Unhandled::DriftNotChecked(why)) = guarded.event(&daily()).await else { panic!("Lambda retries it") };
    assert!(why.to_string().contains("Documents that could not be checked: 1."), "{why}");
    assert_eq!(guarded.world.default_content(NAME), content("20"));
}
