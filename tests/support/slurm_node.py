#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A Slurm cluster of this one machine, from Debian's munge, slurmctld and slurmd, while it is used.

    with slurm_node.Node(folder) as env:
        subprocess.run(["sbatch", ...], env=env)

Everything it writes is in `folder`; it needs root, as slurmd does. missing() names the programs that
are not installed.
"""
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
PACKAGES = "munge slurmctld slurmd slurm-client"


def missing():
    """Why there can be no node here, empty if there can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    if absent:
        return f"{', '.join(absent)} not installed (apt-get install {PACKAGES})"
    return "" if os.geteuid() == 0 else "slurmd needs root"


def search_path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    def __init__(self, folder, cpus=2):
        self.folder = pathlib.Path(folder).resolve()
        self.cpus = cpus
        self.processes = []
        self.env = dict(os.environ, PATH=search_path(), SLURM_CONF=str(self.folder / "slurm.conf"))

    def configure(self):
        host = socket.gethostname().split(".")[0]
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        (self.folder / "slurm.conf").write_text(f"""ClusterName=tactus
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd.pid
SlurmctldLogFile={self.folder}/slurmctld.log
SlurmdLogFile={self.folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={self.cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
""", encoding="ascii")

    def start(self, *words):
        with open(self.folder / f"{words[0]}.out", "wb") as log:
            self.processes.append(subprocess.Popen(words, env=self.env, stdout=log, stderr=log))

    def wait_for(self, what, check, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if check():
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"{what} did not start, see {self.folder}/*.log")

    def idle(self):
        done = subprocess.run(["sinfo", "-h", "-o", "%t"], env=self.env, capture_output=True,
                              text=True, check=False)
        return done.stdout.strip() == "idle"

    def __enter__(self):
        self.configure()
        socket_path = self.folder / "munge.socket"
        self.start("munged", "--foreground", "--force", f"--key-file={self.folder}/munge.key",
                   f"--socket={socket_path}", f"--pid-file={self.folder}/munged.pid",
                   f"--log-file={self.folder}/munged.log", f"--seed-file={self.folder}/munged.seed")
        self.wait_for("munged", socket_path.exists)
        self.start("slurmctld", "-D")
        self.start("slurmd", "-D")
        self.wait_for("the node", self.idle)
        return self.env

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []

    def __exit__(self, *_):
        self.stop()
