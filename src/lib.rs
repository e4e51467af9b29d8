//! Implements the CloudFormation custom resources `Custom::SsmDocument` and `Custom::SsmServiceSetting`.
//!
//! In reading order: [`handler`] takes one request from the raw event to the delivered response; [`cfn`] is the custom-resource
//! protocol and knows nothing of Systems Manager; [`invocation`] bounds the work of one invocation; [`resource`] decides and
//! does the work; [`ssm`] turns Systems Manager's errors into reasons that people can act on; [`http`] makes the HTTP clients;
//! [`drift`] guards default versions; [`logging`] decides what may be logged.

pub(crate) mod backoff;
pub mod cfn;
pub mod drift;
pub mod failure;
pub mod handler;
pub mod http;
pub mod invocation;
pub mod logging;
pub(crate) mod read_lag;
pub mod resource;
pub mod ssm;
