#!/usr/bin/env python3
"""That a run shared by mpirun's ranks has the bits of one that was alone, whatever happens to them.

  python3 tests/reliability/ranks_test.py BUILD [ROUNDS [TEST ...]]

Runs of six shards on one process and on two, three and six; begun by some and ended by others; and ROUNDS of
them of which a rank is killed or stopped at a random moment: all ranks end, one line says which was lost, and the
run goes on with another number of ranks, to the same weights, metrics and sheets.
"""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from runs import expect_same, rows_of

BUILD = pathlib.Path(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 2
TRAIN = ["--dataset", "synthetic", "--size", "16", "--width", "4", "--blocks", "1", "--batch", "6",
         "--device", "cpu", "--loss", "mse+0.1*l1", "--threads", "1"]
SHARED = ["--steps", "12", "--shards", "6", "--save-every", "0"]
PATIENCE = 5  # seconds
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "1000", "OMPI_ALLOW_RUN_AS_ROOT": "1",
                            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}


def command(ranks, options, run):
    resume = ["--resume"] if (run / "config.json").exists() else []
    launcher = [] if ranks == 1 else ["mpirun", "-np", str(ranks)]
    return [*launcher, str(BUILD / "train_cuda"), *TRAIN, *options, "--out", str(run), *resume]


def rank_processes(run):
    """The process of each rank."""
    found = {}
    for process in pathlib.Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"mpirun" in words[0] or str(run).encode() not in words:
                continue
            for variable in (process / "environ").read_bytes().split(b"\0"):
                if variable.startswith(b"OMPI_COMM_WORLD_RANK="):
                    found[int(variable.split(b"=")[1])] = int(process.name)
        except (OSError, IndexError):
            pass
    return found


class RanksOf(unittest.TestCase):
    """What every way to launch them shares: a run of one process, with which theirs is compared."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        ENVIRONMENT["XDG_CACHE_HOME"] = str(cls.folder / "cache")
        cls.whole = cls.folder / "whole"
        cls.run_to_end(1, cls.whole)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def run_to_end(cls, ranks, run):
        done = subprocess.run(command(ranks, SHARED, run), capture_output=True, text=True,
                              env=ENVIRONMENT, timeout=600)
        if done.returncode != 0:
            raise AssertionError(f"{run.name} does not go on: {done.stderr}")
        return done

    def expect_as_whole(self, run):
        expect_same(self, run, self.whole)

    @staticmethod
    def wait_for(condition):
        while not condition():
            time.sleep(0.005)


class Ranks(RanksOf):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("mpirun") or not (BUILD / "libdae_mpi.so").exists():
            raise unittest.SkipTest("no MPI was there when this was built")
        super().setUpClass()

    def test_any_number_gives_the_same_bits(self):
        for ranks in (2, 3, 6):
            with self.subTest(ranks=ranks):
                run = self.folder / f"of{ranks}"
                done = self.run_to_end(ranks, run)
                self.assertIn(f"in 6 shards on {ranks} ranks", done.stdout)
                self.assertEqual(done.stdout.count("report   "), 1)  # one of them speaks
                self.expect_as_whole(run)

    def test_lost_ranks_lose_nothing(self):
        moments, lost_while_training = random.Random(1), 0
        for number in range(ROUNDS):
            run = self.folder / f"lost{number}"
            rank = moments.randrange(3)
            hangs = number % 2 == 1
            process = subprocess.Popen(command(3, [*SHARED, "--patience", str(PATIENCE)], run),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
            self.wait_for(lambda: (run / "metrics.csv").exists() or process.poll() is not None)
            time.sleep(moments.uniform(0, 0.3))
            lost = rank_processes(run).get(rank)
            if lost:
                os.kill(lost, signal.SIGSTOP if hangs else signal.SIGKILL)
            began = time.monotonic()
            said = process.communicate(timeout=600)[1]
            seconds = time.monotonic() - began
            with self.subTest(number=number, rank=rank, hangs=hangs, said=said):
                if process.returncode != 0:
                    lost_while_training += 1
                    self.assertRegex(said, f"rank {rank} (on|with PID)")  # our words, or mpirun's
                    self.assertLess(seconds, 120)  # ten times what an idle machine takes
                    if hangs:
                        self.assertIn("has given no sign of life for 5 seconds", said)
                        self.assertRegex(said, "keeps (its last checkpoint|the checkpoint of step)|no checkpoint yet")
                self.wait_for(lambda: not rank_processes(run))
                for ranks in (2, 6):  # one of them may find nothing left to do
                    self.run_to_end(ranks, run)
                self.expect_as_whole(run)
            shutil.rmtree(run)
        self.assertGreater(lost_while_training, 0)
        print(f"{ROUNDS} rounds, in {lost_while_training} of which a rank was lost before the run was over")

    def test_an_interrupt_saves(self):
        run = self.folder / "interrupted"
        process = subprocess.Popen(command(2, ["--steps", "4000", "--shards", "2", "--save-every", "1000"], run),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        self.wait_for(lambda: (run / "metrics.csv").exists() and rows_of(run))
        ranks = rank_processes(run)
        os.kill(ranks[1], signal.SIGTERM)  # which rank 0 does not hear of, and decides
        os.kill(ranks[0], signal.SIGTERM)
        process.communicate(timeout=600)
        self.assertEqual(process.returncode, 130)
        self.assertTrue((run / "checkpoint.safetensors").exists())
        self.assertTrue((run / "report.html").exists())

    def complaint(self, *launches, program=BUILD / "train_cuda", folders=None):
        """What a launch of several programs says, of which every line but mpirun's own is one of ours."""
        words = ["mpirun"]
        for options, folder in zip(launches, folders or [self.folder] * len(launches)):
            words += [*([":"] if len(words) > 1 else []), "-np", "1", "-wdir", str(folder), str(program), *options,
                      "--out", str(self.folder / "refused")]
        done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=600)
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse((self.folder / "refused").exists())
        return [line for line in done.stderr.splitlines() if line.startswith("train_cuda: ")]

    def test_ranks_that_differ_are_one_line(self):
        same = [*TRAIN, "--steps", "12"]
        machine = os.uname().nodename
        other_seed = [*same, "--seed", "2"]
        self.assertEqual(self.complaint(same, other_seed),
                         [f"train_cuda: rank 1 on {machine}: it was started with 2 for seed, and rank 0 with 1: give "
                          "all ranks the same options"])
        two_threads = [*same[:-4], "--threads", "2", "--steps", "12"]
        self.assertEqual(self.complaint(same, two_threads),
                         [f"train_cuda: rank 1 on {machine}: compared with rank 0, threads was 1 and is 2: the ranks "
                          "would not round alike"])

    def test_ranks_with_other_pictures_are_one_line(self):
        here, there = self.folder / "here", self.folder / "there"
        for folder in (here, there):
            (folder / "photos").mkdir(parents=True)
            noise = random.Random(folder.name)
            for number in range(6):
                (folder / f"photos/{number}.ppm").write_bytes(b"P6 32 24 255\n" + noise.randbytes(32 * 24 * 3))
        photos = "/proc/self/cwd/photos"  # one path, which is another folder to each, as on two machines
        options = ["--dataset", photos, *TRAIN[2:], "--steps", "12"]
        for folders in ([here, there], [there, here]):
            said = self.complaint(options, options, folders=folders)
            self.assertEqual(len(said), 1, said)
            self.assertRegex(said[0], rf"^train_cuda: rank 1 on {os.uname().nodename}: {photos}: its \d pictures to train "
                             r"on and \d to validate on are not those of rank 0$")

    def beside_mpi(self, program):
        """A copy of a program of the build, where it finds the library that it looks for beside itself."""
        folder = self.folder / pathlib.Path(program).parent.name
        folder.mkdir(exist_ok=True)
        shutil.copy(BUILD / "libdae_mpi.so", folder)
        return shutil.copy(BUILD / program, folder)

    def test_one_that_waits_for_a_gpu_hears_of_one_that_hangs(self):
        began = time.monotonic()
        done = subprocess.run(["mpirun", "-np", "2", str(self.beside_mpi("tests/waiting_rank"))], capture_output=True,
                              text=True, env=ENVIRONMENT, timeout=600)
        self.assertEqual(done.stdout, f"rank 1 on {os.uname().nodename} has given no sign of life for {PATIENCE} "
                         "seconds: it hangs, or its machine does\n")
        self.assertLess(time.monotonic() - began, PATIENCE + 30)

    def test_more_than_mpi_counts_at_once_arrives(self):
        done = subprocess.run(["mpirun", "-np", "2", str(self.beside_mpi("tests/waiting_rank")), "gives"],
                              capture_output=True, text=True, env=ENVIRONMENT, timeout=600)
        self.assertEqual(done.stdout, "az\n", done.stderr)

    def test_more_ranks_than_gpus_are_one_line(self):
        if not (BUILD / "simulated/train_cuda").exists():
            self.skipTest("this build has no simulated GPU")
        machine = os.uname().nodename
        gpu = ["cuda" if word == "cpu" else word for word in [*TRAIN, "--steps", "12"]]
        self.assertEqual(self.complaint(gpu, gpu, program=self.beside_mpi("simulated/train_cuda")),
                         [f"train_cuda: rank 0 on {machine} and rank 1 would share a GPU, of which each rank needs one: "
                          "launch no more ranks on a machine than it has GPUs, or give --device cpu"])

    def test_what_is_wrong_with_all_is_one_line(self):
        shards = [*TRAIN, "--steps", "12", "--shards", "3"]
        self.assertEqual(self.complaint(shards, shards),
                         ["train_cuda: --shards 3: 2 ranks cannot share them equally; launch as many as divide them, or "
                          "begin a run with a multiple of 2"])
        unknown = [*TRAIN, "--stepps", "12"]
        self.assertEqual(len(self.complaint(unknown, unknown)), 1)


class RanksByTcp(RanksOf):
    """As torchrun starts them: each is told its number, and where rank 0 is."""

    def launch(self, ranks, options, run):
        with socket.socket() as free:
            free.bind(("", 0))
            port = free.getsockname()[1]
        told = ENVIRONMENT | {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": str(ranks)}
        return [subprocess.Popen(command(1, options, run), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=told | {"RANK": str(rank)}) for rank in range(ranks)]

    def test_two_give_the_same_bits(self):
        run = self.folder / "by_tcp"
        processes = self.launch(2, SHARED, run)
        said = [process.communicate(timeout=600) for process in processes]
        self.assertEqual([process.returncode for process in processes], [0, 0], said)
        self.assertIn("in 6 shards on 2 ranks", said[0][0])
        self.assertEqual(said[1], ("", ""))
        self.expect_as_whole(run)

    def test_one_that_is_killed_ends_all(self):
        run = self.folder / "killed"
        processes = self.launch(3, ["--steps", "100000", "--shards", "3"], run)
        self.wait_for(lambda: (run / "metrics.csv").exists() and rows_of(run))
        processes[2].kill()
        said = [process.communicate(timeout=600)[1] for process in processes]
        self.assertNotIn(0, [process.returncode for process in processes], said)
        self.assertIn(f"rank 2 on {os.uname().nodename} is ", said[0])

    def test_one_that_does_not_come_is_named(self):
        run = self.folder / "alone"
        process = self.launch(2, ["--steps", "12", "--patience", "5"], run)
        process[1].kill()
        said = process[0].communicate(timeout=600)[1]
        process[1].communicate()
        self.assertEqual(process[0].returncode, 1)
        self.assertIn("rank 1 ", said)
        self.assertFalse(run.exists())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
