//! Backs the CloudFormation custom resources `Custom::SsmDocument` and `Custom::SsmServiceSetting`.
//!
//! In reading order: [`handler`] takes one request from raw event to delivered answer; [`cfn`] is the
//! custom-resource protocol and knows nothing of Systems Manager; [`resource`] decides and does the work;
//! [`ssm`] turns errors of Systems Manager into reasons people can act on; [`http`] makes the HTTP
//! clients and [`ahead`] opens connections before they are needed; [`logging`] is what may be printed.

pub mod ahead;
pub mod cfn;
pub mod handler;
pub mod http;
pub mod logging;
pub mod resource;
pub mod ssm;
