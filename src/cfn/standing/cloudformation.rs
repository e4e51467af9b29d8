//! Asks CloudFormation for the status of a resource or a stack.
//!
//! Each question is one call of CloudFormation's
//! [Query API](https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResource.html), signed with
//! [Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html). The SDK's client for this service
//! would add a fifth to the time of a release build.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

use super::rules::StackResource;
use crate::backoff::Backoff;

/// A question that gets no reply within this time, retries included, counts as failed.
const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 3;
const FORM: &str = "application/x-www-form-urlencoded";

/// Where CloudFormation is, and what it takes to call it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The base URL, such as `https://cloudformation.eu-central-1.amazonaws.com`.
    pub url: String,
    /// The Region that requests are signed for.
    pub region: String,
    /// Provides the credentials that requests are signed with.
    pub credentials: SharedCredentialsProvider,
    /// Sends requests.
    pub connector: SharedHttpConnector,
}

/// Asks CloudFormation. The connection is opened for the first question of the process.
#[derive(Clone)]
pub struct CloudFormation {
    find: Arc<dyn Fn() -> Result<Endpoint, String> + Send + Sync>,
    endpoint: Arc<Mutex<Option<Endpoint>>>,
}

impl CloudFormation {
    /// Creates an instance that asks the endpoint that `find` returns. `find` is called for the first question. If it fails, that
    /// question fails with its error, and the next one calls it again.
    pub fn new(find: impl Fn() -> Result<Endpoint, String> + Send + Sync + 'static) -> Self {
        Self { find: Arc::new(find), endpoint: Arc::default() }
    }

    /// Returns what CloudFormation reports about the resource with this logical id in this stack, within 3 s. Transient errors
    /// are retried within that time.
    ///
    /// # Errors
    /// CloudFormation does not reply, or refuses the call; the error says why. A stack or resource that does not exist is not
    /// an error.
    pub(crate) async fn describe(&self, stack_id: &str, logical_resource_id: &str) -> Result<StackResource, String> {
        let parameters = [("StackName", stack_id), ("LogicalResourceId", logical_resource_id)];
        match self.ask("DescribeStackResource", &parameters, found).await? {
            Some(found) => Ok(found),
            None => Ok(StackResource::Missing),
        }
    }

    /// Returns the status of the stack with this id, within 3 s; `None` if there is no such stack. A deleted stack has a
    /// status, too.
    ///
    /// # Errors
    /// CloudFormation does not reply, or refuses the call; the error says why.
    pub(crate) async fn describe_stack(&self, stack_id: &str) -> Result<Option<String>, String> {
        self.ask("DescribeStacks", &[("StackName", stack_id)], stack_status).await
    }

    /// Asks and reads the reply; `None` if what was asked about does not exist.
    async fn ask<T>(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        read: impl Fn(&[u8]) -> Result<T, XmlDecodeError>,
    ) -> Result<Option<T>, String> {
        let endpoint = self.endpoint()?;
        let question = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Action", action), ("Version", "2010-05-15")])
            .extend_pairs(parameters)
            .finish();
        let replied = tokio::time::timeout(TIMEOUT, endpoint.ask(&question)).await.unwrap_or(Err(NoReply::Late));
        let reply = replied.map_err(|why| why.to_string())?;
        reply.map(|reply| read(&reply)).transpose().map_err(|_| NoReply::Unreadable.to_string())
    }

    fn endpoint(&self) -> Result<Endpoint, String> {
        let mut endpoint = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = &*endpoint {
            return Ok(endpoint.clone());
        }
        Ok(endpoint.insert((self.find)()?).clone())
    }
}

impl fmt::Debug for CloudFormation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CloudFormation")
    }
}

impl Endpoint {
    /// Returns the reply, with retries; `None` if what was asked about does not exist.
    async fn ask(&self, question: &str) -> Result<Option<Vec<u8>>, NoReply> {
        let mut backoff = Backoff::new();
        for _ in 1..ATTEMPTS {
            match self.attempt(question).await {
                Err(why) if why.is_transient() => backoff.pause().await,
                ended => return ended,
            }
        }
        self.attempt(question).await
    }

    async fn attempt(&self, question: &str) -> Result<Option<Vec<u8>>, NoReply> {
        let request = self.signed(question).await.map_err(|_| NoReply::Unsigned)?;
        let request = request.map(SdkBody::from).try_into().map_err(|_| NoReply::Unsigned)?;
        let reply = self.connector.call(request).await.map_err(|_| NoReply::Unreachable)?;
        let (status, body) = (reply.status(), reply.body().bytes().unwrap_or_default());
        if status.is_success() {
            return Ok(Some(body.to_vec()));
        }
        match refusal(body) {
            Ok(refusal) if refusal.says_that_it_does_not_exist() => Ok(None),
            Ok(Refusal { code, .. }) => Err(NoReply::Refused { code, is_theirs: status.is_server_error() }),
            Err(_) if status.is_server_error() => Err(NoReply::Unreachable),
            Err(_) => Err(NoReply::Unreadable),
        }
    }

    async fn signed(&self, question: &str) -> Result<http::Request<String>, Box<dyn std::error::Error + Send + Sync>> {
        let identity = self.credentials.provide_credentials().await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("cloudformation")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = [("content-type", FORM)].into_iter();
        let url = format!("{}/", self.url.trim_end_matches('/'));
        let signable = SignableRequest::new("POST", url.as_str(), headers, SignableBody::Bytes(question.as_bytes()))?;
        let (signature, _) = sign(signable, &params)?.into_parts();
        let mut request = http::Request::post(url).header("content-type", FORM).body(question.to_owned())?;
        signature.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// Why there is no reply to a question. Messages about a signature quote the signed request, so they are left out.
#[derive(Debug)]
enum NoReply {
    Late,
    Unsigned,
    Unreachable,
    Unreadable,
    Refused { code: String, is_theirs: bool },
}

impl NoReply {
    fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable => true,
            Self::Refused { code, is_theirs } => {
                *is_theirs || code.starts_with("Throttling") || code == "RequestLimitExceeded"
            }
            Self::Late | Self::Unsigned | Self::Unreadable => false,
        }
    }
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => write!(f, "there was no reply within {} s", TIMEOUT.as_secs()),
            Self::Unsigned => f.write_str("the call can't be signed"),
            Self::Unreachable => f.write_str("it can't be reached"),
            Self::Unreadable => f.write_str("its reply can't be read"),
            Self::Refused { code, .. } => write!(f, "it refused the call with {code}"),
        }
    }
}

/// An error that CloudFormation returned.
struct Refusal {
    code: String,
    message: String,
}

impl Refusal {
    /// CloudFormation has no error code for this, only messages: "Stack … does not exist", "Resource … does not exist for stack
    /// …".
    fn says_that_it_does_not_exist(&self) -> bool {
        self.code == "ValidationError" && self.message.trim_end_matches('.').contains("does not exist")
    }
}

fn found(xml: &[u8]) -> Result<StackResource, XmlDecodeError> {
    let path = ["DescribeStackResourceResult", "StackResourceDetail"];
    let [status, updated_at] = texts(xml, &path, ["ResourceStatus", "LastUpdatedTimestamp"])?;
    let updated_at = DateTime::from_str(&updated_at, Format::DateTimeWithOffset).map_err(XmlDecodeError::unhandled)?;
    let updated_at = Duration::try_from_secs_f64(updated_at.as_secs_f64()).map_err(XmlDecodeError::unhandled)?;
    // A resource that is being created may have none.
    let physical_id = texts(xml, &path, ["PhysicalResourceId"]).ok().map(|[id]| id);
    Ok(StackResource::Found { status, updated_at, physical_id })
}

fn stack_status(xml: &[u8]) -> Result<String, XmlDecodeError> {
    let [status] = texts(xml, &["DescribeStacksResult", "Stacks", "member"], ["StackStatus"])?;
    Ok(status)
}

fn refusal(xml: &[u8]) -> Result<Refusal, XmlDecodeError> {
    let [code, message] = texts(xml, &["Error"], ["Code", "Message"])?;
    Ok(Refusal { code, message })
}

/// Returns the texts of these elements at this path below the root.
fn texts<const N: usize>(xml: &[u8], path: &[&str], names: [&str; N]) -> Result<[String; N], XmlDecodeError> {
    let mut document = Document::try_from(xml)?;
    let mut texts = names.map(|_| None);
    read_texts(&mut document.root_element()?, path, &names, &mut texts)?;
    match texts.iter().position(Option::is_none) {
        Some(missing) => Err(XmlDecodeError::custom(format!("{} is missing", names[missing]))),
        None => Ok(texts.map(Option::unwrap_or_default)),
    }
}

fn read_texts(
    element: &mut ScopedDecoder<'_, '_>,
    path: &[&str],
    names: &[&str],
    texts: &mut [Option<String>],
) -> Result<(), XmlDecodeError> {
    while let Some(mut child) = element.next_tag() {
        let name = child.start_el().local().to_owned();
        match path.split_first() {
            Some((first, rest)) if *first == name => read_texts(&mut child, rest, names, texts)?,
            Some(_) => {}
            None => {
                if let Some(index) = names.iter().position(|wanted| *wanted == name) {
                    texts[index] = Some(try_data(&mut child)?.into_owned());
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(detail: &str) -> Vec<u8> {
        format!(
            r#"<DescribeStackResourceResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStackResourceResult>
            <StackResourceDetail><StackName>a</StackName>{detail}</StackResourceDetail></DescribeStackResourceResult>
            <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DescribeStackResourceResponse>"#
        )
        .into_bytes()
    }

    #[test]
    fn a_reply_has_the_status_and_the_time_to_the_millisecond() {
        let detail = "<PhysicalResourceId>Preferences</PhysicalResourceId><DriftInformation><StackResourceDriftStatus>NOT_CHECKED</StackResourceDriftStatus></DriftInformation>
            <LastUpdatedTimestamp>2026-11-26T12:00:00.250Z</LastUpdatedTimestamp><ResourceStatus>CREATE_IN_PROGRESS</ResourceStatus>";
        let updated_at = Duration::from_millis(1_795_694_400_250);
        let expected = StackResource::Found {
            status: "CREATE_IN_PROGRESS".into(),
            updated_at,
            physical_id: Some("Preferences".into()),
        };
        assert_eq!(found(&described(detail)).unwrap(), expected);
    }

    #[test]
    fn a_reply_that_is_not_xml_or_lacks_the_status_or_time_is_unreadable() {
        for detail in [
            "<ResourceStatus>CREATE_COMPLETE</ResourceStatus>",
            "<LastUpdatedTimestamp>2026-11-26T12:00:00Z</LastUpdatedTimestamp>",
            "<LastUpdatedTimestamp>yesterday</LastUpdatedTimestamp><ResourceStatus>CREATE_COMPLETE</ResourceStatus>",
        ] {
            assert!(found(&described(detail)).is_err(), "{detail}");
        }
        for reply in ["", "no XML", "<a><b></a>", "{}"] {
            assert!(found(reply.as_bytes()).is_err() && refusal(reply.as_bytes()).is_err(), "{reply}");
        }
    }

    #[test]
    fn a_stack_has_its_own_status_and_not_that_of_what_it_contains() {
        let stack = |status: &str| {
            format!(
                r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
                <Outputs><member><OutputKey>StackStatus</OutputKey><StackStatus>CREATE_FAILED</StackStatus></member></Outputs>{status}
                <StackName>a</StackName></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"#
            )
        };
        let described = stack("<StackStatus>UPDATE_ROLLBACK_IN_PROGRESS</StackStatus>");
        assert_eq!(stack_status(described.as_bytes()).unwrap(), "UPDATE_ROLLBACK_IN_PROGRESS");
        assert!(stack_status(stack("").as_bytes()).is_err());
    }

    #[test]
    fn only_a_validation_error_that_says_so_means_that_the_resource_does_not_exist() {
        for (code, message, expected) in [
            ("ValidationError", "Stack 'a' does not exist", true),
            ("ValidationError", "Resource Preferences does not exist for stack a.", true),
            ("ValidationError", "1 validation error detected", false),
            ("AccessDenied", "User &quot;does not exist&quot;", false),
        ] {
            let xml = format!(
                r#"<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>{code}</Code>
                <Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"#
            );
            assert_eq!(refusal(xml.as_bytes()).unwrap().says_that_it_does_not_exist(), expected, "{code}: {message}");
        }
    }
}
