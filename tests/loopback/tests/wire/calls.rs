//! Calls of SSM, and how the journal counts them.

use crate::client::{CONTENT, call, create};
use loopback_aws::Loopback;
use loopback_aws::ssm::Document;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_document_is_created_and_described_over_the_wire() {
    let aws = Loopback::start().await;
    let (status, created) = create(&aws, "Doc").await.unwrap();
    assert_eq!((status, &created["DocumentDescription"]["Status"]), (200, &json!("Active")));
    let (_, described) = call(&aws, "DescribeDocument", json!({"Name": "Doc"})).await.unwrap();
    assert_eq!(described["Document"]["Owner"], "111122223333");
    assert_eq!(aws.calls(), ["CreateDocument", "DescribeDocument"]);
    assert_eq!((aws.round_trips(), aws.ssm_counts().connections), (2, 2));
}

#[tokio::test]
async fn an_error_of_the_service_has_its_type_and_its_message() {
    let aws = Loopback::start().await;
    let (status, body) = call(&aws, "GetDocument", json!({"Name": "Absent"})).await.unwrap();
    let expected = json!({"__type": "InvalidDocument", "Message": "Document with name Absent does not exist."});
    assert_eq!((status, body), (400, expected));
    assert_eq!(aws.ssm_calls()[0].error.as_deref(), Some("InvalidDocument"));
}

#[tokio::test]
async fn calls_side_by_side_are_one_round_trip() {
    let aws = Loopback::builder().latency(Duration::from_millis(100)).start().await;
    aws.ssm(|model| model.put_document(Document::session("Doc", CONTENT)));
    let input = json!({"Name": "Doc"});
    let (describe, get) =
        tokio::join!(call(&aws, "DescribeDocument", input.clone()), call(&aws, "GetDocument", input.clone()));
    assert_eq!((describe.unwrap().0, get.unwrap().0), (200, 200));
    assert_eq!(aws.round_trips(), 1);
    call(&aws, "GetDocument", input).await.unwrap();
    assert_eq!(aws.round_trips(), 2);
}
