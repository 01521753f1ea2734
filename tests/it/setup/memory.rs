//! The memory of the function `publish`: how much it has taken, and a limit that really ends it.

use std::path::PathBuf;

use super::World;

const MIB: u64 = 1024 * 1024;

/// Where Linux keeps the memory limits of control groups, version 1 and 2, and a limit's file.
const CONTROL_GROUPS: [(&str, &str); 2] = [
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
    ("/sys/fs/cgroup", "memory.max"),
];

/// A world whose function `publish` has only so much memory: the kernel kills a process that takes
/// more, as Lambda's does, where this machine lets the test make a control group.
pub struct LimitedWorld {
    pub world: World,
    mib: u64,
    group: Option<ControlGroup>,
}

/// Removed with the world, whose processes are gone by then.
struct ControlGroup(PathBuf);

impl ControlGroup {
    fn of(bytes: u64) -> Option<Self> {
        CONTROL_GROUPS.iter().find_map(|(root, limit)| {
            let name = format!("pushbuild-test-{}-{bytes}", std::process::id());
            let folder = PathBuf::from(root).join(name);
            std::fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            std::fs::write(group.0.join(limit), bytes.to_string()).ok()?;
            Some(group)
        })
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // A killed process leaves its group a moment later.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl LimitedWorld {
    pub async fn of(mib: u64) -> Self {
        let group = ControlGroup::of(mib * MIB);
        let world = World::with(|deploy| {
            let size = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned();
            deploy.env.insert(size, mib.to_string());
            deploy.timeout = std::time::Duration::from_mins(15);
            deploy.max_receive_count = 1;
            if let Some(ControlGroup(folder)) = &group {
                let enter = format!("echo $$ > {}/cgroup.procs", folder.display());
                let program = deploy.program.display();
                let publish = format!("[ $_HANDLER = intake ] || {enter} && exec {program}");
                deploy.args = vec!["-c".to_owned(), publish];
                deploy.program = "/bin/sh".into();
            }
        });
        Self {
            world: world.await,
            mib,
            group,
        }
    }

    /// Asserts that the function has never taken more than its memory; prints and answers how many MiB
    /// it took.
    pub fn assert_held(&self, what: &str) -> u64 {
        let peak = self.world.peak_memory() / MIB;
        let (mib, kind) = (
            self.mib,
            self.group.as_ref().map_or("asserted", |_| "enforced"),
        );
        println!("{what}: {peak} MiB of {mib}, {kind}");
        assert_eq!(self.world.deaths(), 0, "{}", self.world.log());
        assert!(peak < mib, "{peak} MiB");
        peak
    }
}

impl World {
    /// The most bytes that the function `publish` has held so far: its largest process, where several
    /// message groups made it run more than once.
    pub fn peak_memory(&self) -> u64 {
        let endpoint = format!("AWS_ENDPOINT_URL={}", self.aws.endpoint);
        let wanted = [endpoint.as_bytes(), b"_HANDLER=publish"];
        let mut found = Vec::new();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            let variables: Vec<_> = environment.split(|byte| *byte == 0).collect();
            if wanted.iter().all(|variable| variables.contains(variable)) {
                let status = std::fs::read_to_string(process.path().join("status")).unwrap();
                let line = status
                    .lines()
                    .find(|line| line.starts_with("VmHWM"))
                    .unwrap();
                let kilobytes = line.split_whitespace().nth(1).unwrap();
                found.push(kilobytes.parse::<u64>().unwrap() * 1024);
            }
        }
        found.into_iter().max().expect("a process of the function")
    }
}
