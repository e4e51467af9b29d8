//! A process of the function.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use loopback_aws::{ACCESS_KEY_ID, Loopback, RuntimeApi, SECRET_ACCESS_KEY};

use crate::world::{FUNCTION, LOG_STREAM, REGION};

pub const SESSION_TOKEN: &str = "SENTINEL-SESSION-TOKEN";

/// It is killed when it is dropped.
pub struct Bootstrap(Child);

impl Bootstrap {
    /// Starts it in the environment that Lambda gives it.
    pub fn start(aws: &Loopback, runtime: &RuntimeApi, level: &str, stdout: Stdio, stderr: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
        command.env_clear().stdout(stdout).stderr(stderr).envs([
            ("AWS_LAMBDA_RUNTIME_API", runtime.addr().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/cfn-ssm-document"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", LOG_STREAM),
            ("AWS_LAMBDA_LOG_LEVEL", level),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_SESSION_TOKEN", SESSION_TOKEN),
            ("AWS_ENDPOINT_URL_SSM", aws.ssm_url().as_str()),
            ("CFN_SSM_DOCUMENT_ALLOW_LOOPBACK", "true"),
        ]);
        Self(command.spawn().unwrap())
    }

    /// Starts one whose output is discarded.
    pub fn quiet(aws: &Loopback, runtime: &RuntimeApi) -> Self {
        Self::start(aws, runtime, "INFO", Stdio::null(), Stdio::null())
    }

    /// Returns everything that it prints until it is killed. The output is read continuously: a full pipe would block the
    /// process.
    pub fn listen(&mut self) -> [JoinHandle<String>; 2] {
        fn read(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            })
        }
        [read(self.0.stdout.take().unwrap()), read(self.0.stderr.take().unwrap())]
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Bootstrap {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
