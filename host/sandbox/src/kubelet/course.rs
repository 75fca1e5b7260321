//! What a pod's annotations ask of the simulated kubelet.

use serde_json::Value;

use crate::object;

/// How long the pods of a Job run when nothing else is asked, in whole seconds of the clock (so three to four).
const JOB_SECONDS: i64 = 4;

/// The course of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The containers end with this code.
    pub exit: Option<i64>,
    /// How many seconds they run before that.
    pub seconds: i64,
    /// Whether the pod becomes ready.
    pub ready: bool,
    /// What goes wrong.
    pub fault: Option<Fault>,
}

/// What can go wrong, by the annotation `sandbox.osc.io/fault: NAME[:SECONDS]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The image cannot be pulled; the back-off shows.
    ImagePullBackOff,
    /// The image cannot be pulled; the failure itself shows.
    ErrImagePull,
    /// The image's name is not one.
    InvalidImageName,
    /// The containers end with an error again and again.
    CrashLoopBackOff,
    /// The containers are killed for their memory again and again.
    OomKilled,
    /// The containers cannot be configured.
    CreateContainerConfigError,
    /// The containers cannot be started.
    RunContainerError,
    /// The pod never gets ready.
    NeverReady,
    /// No node fits; the scheduler obeys this one.
    Unschedulable,
    /// The pod becomes ready after this many seconds.
    SlowStart(i64),
    /// Readiness comes and goes with this period of seconds.
    Flapping(i64),
    /// The pod takes this many seconds to stop.
    SlowStop(i64),
    /// The pod stays where it is: volumes never mount.
    ContainerCreating,
    /// The node evicts the pod after it ran this many seconds.
    Evicted(i64),
}

impl Fault {
    /// Reads `NAME[:SECONDS]`; `None` for a name that means nothing here.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, seconds) = match text.split_once(':') {
            Some((name, seconds)) => {
                (name, Some(seconds.trim().parse().ok().filter(|s| (0..=86_400).contains(s))?))
            }
            None => (text, None),
        };
        Some(match name.trim() {
            "ImagePullBackOff" => Self::ImagePullBackOff,
            "ErrImagePull" => Self::ErrImagePull,
            "InvalidImageName" => Self::InvalidImageName,
            "CrashLoopBackOff" => Self::CrashLoopBackOff,
            "OOMKilled" => Self::OomKilled,
            "CreateContainerConfigError" => Self::CreateContainerConfigError,
            "RunContainerError" => Self::RunContainerError,
            "never-ready" => Self::NeverReady,
            "Unschedulable" => Self::Unschedulable,
            "slow-start" => Self::SlowStart(seconds.unwrap_or(5)),
            "flapping" => Self::Flapping(seconds.unwrap_or(10).max(1)),
            "slow-stop" => Self::SlowStop(seconds.unwrap_or(5)),
            "ContainerCreating" => Self::ContainerCreating,
            "Evicted" => Self::Evicted(seconds.unwrap_or(0)),
            _ => return None,
        })
    }
}

impl Course {
    /// Reads it from a pod. Pods of Jobs and pods that are Helm hooks end by themselves, all others run on.
    pub fn of(pod: &Value) -> Self {
        let is_job = match object::controller(pod) {
            Some(owner) => object::text(owner, "/kind") == "Job",
            None => object::annotation(pod, "helm.sh/hook").is_some(),
        };
        let exit = object::annotation(pod, "sandbox.osc.io/exit").and_then(|code| code.trim().parse().ok());
        let asked = object::annotation(pod, "sandbox.osc.io/duration").and_then(|s| s.trim().parse().ok());
        let fault = object::annotation(pod, "sandbox.osc.io/fault").and_then(Fault::parse);
        let usual = if exit.is_none() && is_job { JOB_SECONDS } else { 0 };
        let ready = object::annotation(pod, "sandbox.osc.io/ready") != Some("false");
        Self {
            exit: exit.or(is_job.then_some(0)),
            seconds: asked.unwrap_or(usual).clamp(0, 86_400),
            ready: ready && fault != Some(Fault::NeverReady),
            fault,
        }
    }
}
