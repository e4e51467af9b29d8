//! The two providers: how Lambda would start them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use loopback_aws::{ACCESS_KEY_ID, Loopback, RuntimeApi, SECRET_ACCESS_KEY};

use crate::life::SCRATCH;

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) enum Provider {
    /// The function's release binary.
    Function(PathBuf),
    /// The Python interpreter of an environment that has boto3 and Lambda's runtime client.
    Baseline(PathBuf),
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Function(_) => "function",
            Self::Baseline(_) => "baseline",
        })
    }
}

impl Provider {
    /// The command that starts it, under `wrapper` if there is one, with the environment that Lambda gives.
    ///
    /// # Errors
    /// The baseline's certificates can't be read or written.
    pub(crate) fn command(&self, aws: &Loopback, api: &RuntimeApi, wrapper: Option<Command>) -> io::Result<Command> {
        let mut words = match self {
            Self::Function(bootstrap) => vec![bootstrap.clone().into_os_string()],
            Self::Baseline(python) => {
                let arguments = ["-m", "awslambdaric", "provider.handler"].map(Into::into);
                [vec![python.clone().into_os_string()], arguments.to_vec()].concat()
            }
        };
        let mut command = wrapper.unwrap_or_else(|| Command::new(words.remove(0)));
        command
            .args(words)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/baseline"))
            .env_clear()
            .envs([
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
                ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
                ("AWS_SESSION_TOKEN", "a-token-of-the-length-that-lambda-gives".repeat(20).as_str()),
                ("AWS_REGION", "us-east-1"),
                ("AWS_DEFAULT_REGION", "us-east-1"),
                ("AWS_LAMBDA_FUNCTION_NAME", "cfn-ssm-document"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/cfn-ssm-document"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/21/[$LATEST]00000000000000000000000000000000"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("LANG", "en_US.UTF-8"),
                ("TZ", ":UTC"),
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
                ("CFN_SSM_DOCUMENT_ALLOW_LOOPBACK", "true"),
            ])
            .env("AWS_ENDPOINT_URL_SSM", aws.ssm_url())
            .env("AWS_LAMBDA_RUNTIME_API", api.addr());
        if let Some(authority) = aws.ca_pem_path() {
            match self {
                // Its usual roots are compiled in, so it reads only this one certificate.
                Self::Function(_) => command.env("AWS_CA_BUNDLE", authority),
                Self::Baseline(python) => {
                    let bundle = bundle(python, authority)?;
                    command.env("AWS_CA_BUNDLE", &bundle).env("SSL_CERT_FILE", bundle)
                }
            };
        }
        Ok(command)
    }
}

/// The bundle that boto3 and urllib3 each read in the baseline: all roots that come with boto3, and the loopback's.
fn bundle(python: &Path, authority: &Path) -> io::Result<PathBuf> {
    let libraries = python.parent().and_then(Path::parent).map(|environment| environment.join("lib"));
    let roots = fs::read_dir(libraries.unwrap_or_default())?
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages/botocore/cacert.pem")))
        .find(|roots| roots.exists())
        .ok_or_else(|| io::Error::other(format!("{} has no boto3 beside it", python.display())))?;
    let bundle = Path::new(SCRATCH).join("roots.pem");
    fs::write(&bundle, [fs::read(roots)?, fs::read(authority)?].concat())?;
    Ok(bundle)
}
