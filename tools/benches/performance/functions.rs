//! The binaries that are measured, and the world they run in.

use crate::front::Front;
use crate::instance::Instance;
use crate::tls::Authority;
use axum::body::Bytes;
use std::path::{Path, PathBuf};
use std::process::Command;
use tools::app::{TestApp, environment, open_sample_session};

/// The functions, each with the event that it is measured with.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("login", "events/login.json"),
    ("phone", "events/phone.json"),
    ("user", "events/user.json"),
    ("decrypt", "events/decrypt.json"),
    ("authorizer", "events/authorizer.json"),
];

/// The yardstick.
pub const NULL: &str = "null";

/// What does not make a URL: with it for an address, a client gives up before it connects.
const NOWHERE: &str = "none";

/// A binary, and the event that it is measured with.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub binary: PathBuf,
    /// The event.
    pub event: Bytes,
}

/// Stand-ins behind TLS.
pub struct World {
    /// The stand-ins themselves.
    pub app: TestApp,
    /// TLS before the AWS services.
    pub aws: Front,
    /// TLS before WeChat.
    pub wechat: Front,
    authority: Authority,
}

/// The folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in the workspace")
}

/// The folder that everything is built in.
pub fn target() -> PathBuf {
    tools::environment("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds the yardstick and the functions as they are deployed: each `--package`, so that no feature of the tests gets
/// into them.
pub fn build() -> Vec<Function> {
    let target = target();
    let null = target.join("null");
    cargo(&["--manifest-path", "tools/null/Cargo.toml", "--target-dir", &null.to_string_lossy()]);
    cargo(&FUNCTIONS.iter().flat_map(|(name, _)| ["--package", name]).collect::<Vec<_>>());
    let event = |path: &str| Bytes::from(std::fs::read(root().join(path)).expect("a sample event"));
    let null = Function { name: NULL, binary: null.join("release/null"), event: event(FUNCTIONS[0].1) };
    let functions = FUNCTIONS.iter().map(|(name, path)| Function {
        name,
        binary: target.join("release").join(name),
        event: event(path),
    });
    [null].into_iter().chain(functions).collect()
}

fn cargo(arguments: &[&str]) {
    let built = tools::cargo().args(["build", "--release", "--locked"]).args(arguments).current_dir(root()).status();
    assert!(built.is_ok_and(|status| status.success()), "the binaries do not build");
}

impl Function {
    /// A new instance of this function.
    pub async fn start(&self, world: &World) -> Instance {
        Instance::start(Command::new(&self.binary), &world.environment(self.name)).await
    }

    /// A new instance that has warmed nothing up.
    pub async fn start_without_warm_up(&self, world: &World) -> Instance {
        let mut environment = world.environment(self.name);
        for service in ["LOCAL_AWS_ENDPOINT", "WECHAT_BASE_URL"] {
            environment.push((service, NOWHERE.to_owned()));
        }
        Instance::start(Command::new(&self.binary), &environment).await
    }

    /// A call that must succeed.
    pub async fn call(&self, instance: &mut Instance) -> std::time::Duration {
        let (time, answer) = instance.invoke(&self.event).await;
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("an answer is JSON");
        // The authorizer answers API Gateway, not the page.
        let done = answer["statusCode"] == 200 || answer["isAuthorized"] == true;
        assert!(done, "{} answers {answer}", self.name);
        time
    }
}

impl World {
    /// Starts the stand-ins.
    pub async fn start() -> Self {
        let app = TestApp::start().await;
        open_sample_session(&app.config, &app.aws, &app.clock).await;
        let folder = target().join("performance");
        std::fs::create_dir_all(&folder).expect("a folder below target");
        let authority = Authority::new(&folder);
        let aws = Front::serve(authority.listen().await, app.aws.endpoint());
        let wechat = Front::serve(authority.listen().await, app.wechat.base_url());
        Self { app, aws, wechat, authority }
    }

    /// The certificate of the stand-ins' authority.
    pub fn root(&self) -> &Path {
        &self.authority.root
    }

    /// From here on the services answer without latency: from memory, what they have answered to each function once.
    pub async fn answer_from_memory(&self, functions: &[Function]) {
        // The first round leaves behind what a function finds as a rule, WeChat's access token above all.
        for _ in 0..2 {
            self.aws.remember(true);
            self.wechat.remember(true);
            for function in functions {
                function.call(&mut function.start(self).await).await;
            }
        }
    }

    /// What `template.yaml` tells the function `name`, for this world.
    pub fn environment(&self, name: &str) -> Vec<(&'static str, String)> {
        let mut environment = environment(&self.app);
        environment.retain(|(name, _)| *name != "RUST_LOG");
        environment.extend([
            ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
            // The stand-ins know the caller by this, and allow it what its role in `template.yaml` allows.
            ("AWS_SDK_UA_APP_ID", name.to_owned()),
            ("WECHAT_BASE_URL", self.wechat.url.clone()),
            ("LOCAL_AWS_ENDPOINT", self.aws.url.clone()),
            ("EXTRA_ROOTS_FILE", self.authority.root.to_string_lossy().into_owned()),
        ]);
        environment
    }
}
