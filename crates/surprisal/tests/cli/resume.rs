//! Run, stop in the middle, go on: the result is that of a run that was never stopped, bit for bit.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGKILL, SIGTERM, SIGUSR1};

use crate::place::Place;

/// Long enough to be caught in the middle.
const LONG: [&str; 6] =
    ["--set", "train.epochs=400", "--set", "train.checkpoint_steps=7", "--set", "train.evaluate_every=20"];

fn start(place: &Place, out: &str) -> Child {
    let arguments = [&["run", "experiment.toml", "--out", out][..], &LONG].concat();
    place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the run has logged some checkpoints, then sends the signal.
fn stop(place: &Place, out: &str, child: &mut Child, signal: i32) -> std::process::ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(60);
    let log = place.path(&format!("{out}/log.jsonl"));
    let logged = || std::fs::read_to_string(&log).map_or(0, |text| text.matches("\"checkpoint\"").count());
    while logged() < 5 {
        assert!(Instant::now() < deadline, "no checkpoint in a minute");
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be stopped");
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill").args([format!("-{signal}"), pid]).status().unwrap();
    assert!(sent.success());
    child.wait().unwrap()
}

fn same_result(place: &Place, one: &str, other: &str) {
    let bytes = |out: &str| std::fs::read(place.path(&format!("{out}/model.safetensors"))).unwrap();
    assert!(bytes(one) == bytes(other), "the weights of {one} and {other} differ");
    let splits = |out: &str| {
        let text = place.read(&format!("{out}/metrics.json"));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["splits"].clone()
    };
    assert_eq!(splits(one), splits(other));
    // Epoch, training and validation NLL of every evaluation, in their order.
    let curve = |out: &str| place.read(&format!("{out}/figures/learning_curves.csv"));
    assert_eq!(curve(one), curve(other));
}

#[test]
fn killed_in_mid_epoch_and_resumed() {
    let place = Place::new();
    place.succeed(&[&["run", "experiment.toml", "--out", "whole"][..], &LONG].concat());
    let mut child = start(&place, "cut");
    let status = stop(&place, "cut", &mut child, SIGKILL);
    assert_eq!(status.signal(), Some(SIGKILL));
    // A kill can also come in the middle of a line.
    let log = place.read("cut/log.jsonl");
    let whole_lines = &log[..log.rfind('\n').unwrap() + 1];
    place.write("cut/log.jsonl", &format!("{whole_lines}{{\"event\":\"step\",\"epo"));
    place.succeed(&["resume", "cut"]);
    same_result(&place, "whole", "cut");
    let logged = |out: &str, event: &str, key: &str| -> Vec<u64> {
        let log = place.read(&format!("{out}/log.jsonl"));
        let events = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        events.filter(|e| e["event"] == event).map(|e| e[key].as_u64().unwrap()).collect()
    };
    for (event, key) in [("step", "step"), ("evaluation", "evaluation"), ("evaluation", "step")] {
        assert_eq!(logged("cut", event, key), logged("whole", event, key), "each {event} stands in the log once");
    }
    assert_eq!(logged("cut", "start", "step"), [0]);
    assert_eq!(logged("cut", "resume", "step").len(), 1);
}

#[test]
fn told_to_stop_it_writes_a_checkpoint_and_exits_with_85() {
    let place = Place::new();
    place.succeed(&[&["run", "experiment.toml", "--out", "whole"][..], &LONG].concat());
    for (out, signal) in [("term", SIGTERM), ("usr1", SIGUSR1)] {
        let mut child = start(&place, out);
        let status = stop(&place, out, &mut child, signal);
        assert_eq!(status.code(), Some(85), "{out}");
        assert!(!place.path(out).join("report.html").exists());
        let arguments = [&["run", "experiment.toml", "--out", out, "--resume"][..], &LONG].concat();
        place.succeed(&arguments);
        same_result(&place, "whole", out);
    }
}

#[test]
fn a_resumed_run_may_grow_but_not_change() {
    let place = Place::new();
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    place.succeed(&["run", "experiment.toml", "--out", "out", "--resume", "--set", "train.epochs=8"]);
    let log = place.read("out/log.jsonl");
    assert_eq!(log.matches("\"evaluation\":").count(), 8);
    let shorter = place.fail(&["run", "experiment.toml", "--out", "out", "--resume", "--set", "train.epochs=5"]);
    let other = place.fail(&[
        "run",
        "experiment.toml",
        "--out",
        "out",
        "--resume",
        "--set",
        "train.epochs=8",
        "--set",
        "seed=4",
    ]);
    insta::assert_snapshot!(format!("{shorter}\n{other}"));
}
