"""A PostgreSQL cluster with all migrations run, made once for a build and a day and copied below each CA: initdb and the migrations
are half of the processor time of a first start. It is what deploy/up finds at every later start."""
import datetime
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

FOLDER = "e2e-cluster"
MEMORY = "/dev/shm"
GIB = 1 << 30


def place():
    """Where states shall lie: in memory if there is plenty. A cluster is 1,500 files, and ext4 looks at every inode freed within the last
    minute before it gives one away; that was a third of a start. TMPDIR decides otherwise."""
    try:
        disk = os.statvfs(MEMORY)
        with open("/proc/meminfo", encoding="ascii") as f:
            available = next(int(line.split()[1]) << 10 for line in f if line.startswith("MemAvailable:"))
    except OSError:
        return None
    plenty = disk.f_bavail * disk.f_frsize > 4 * GIB and available > 8 * GIB
    usable = os.access(MEMORY, os.W_OK | os.X_OK) and not disk.f_flag & os.ST_NOEXEC
    return MEMORY if plenty and usable and "TMPDIR" not in os.environ else None


def key(root, build):
    """What the cluster is made from; the day too, as migrations make partitions for the time that they run at."""
    digest = hashlib.sha256(datetime.datetime.utcnow().date().isoformat().encode())
    for path in sorted(glob.glob(f"{root}/db/*/*.sql") + glob.glob(f"{root}/deploy/*.sh") + [f"{root}/tests/e2e/cluster.sh"]):
        with open(path, "rb") as f:
            digest.update(path.encode() + f.read())
    command = os.stat(f"{build}/cairn")
    digest.update(f"{command.st_size} {command.st_mtime_ns}".encode())
    return digest.hexdigest()


def make(root, build, folder):
    """At the state's place first, as PostgreSQL's user may have no way into the build folder."""
    above = tempfile.mkdtemp(prefix="cairn-e2e-cluster-", dir=place())
    os.chmod(above, 0o755)
    try:
        state = os.path.join(above, "state")
        done = subprocess.run([f"{root}/tests/e2e/cluster.sh", state], env={**os.environ, "CAIRN_BUILD": build}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"tests/e2e/cluster.sh failed:\n{done.stdout}\n{done.stderr}")
        data = os.path.realpath(os.path.join(state, "postgres"))
        subprocess.run(["cp", "-a", data, folder], check=True)
    finally:
        shutil.rmtree(above)


def lay(root, build, state):
    """Puts a copy of the cluster into a state that does not exist yet."""
    folder, new = os.path.join(build, FOLDER), os.path.join(build, FOLDER + ".new")
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = os.path.join(folder, "made-from"), key(root, build)
        if not os.path.exists(stamp) or open(stamp, encoding="ascii").read() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(new, ignore_errors=True)
            os.mkdir(new)
            make(root, build, os.path.join(new, "postgres"))
            with open(os.path.join(new, "made-from"), "w", encoding="ascii") as f:
                f.write(wanted)
            os.rename(new, folder)
        fcntl.flock(lock, fcntl.LOCK_SH)  # nobody makes it anew while it is copied
        os.makedirs(os.path.join(state, "run"), mode=0o700)
        subprocess.run(["cp", "-a", os.path.join(folder, "postgres"), os.path.join(state, "postgres")], check=True)
    for name in ("up.lock", "database-made"):
        with open(os.path.join(state, "run", name), "w", encoding="ascii"):
            pass
