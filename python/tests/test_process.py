"""What happens around calls: Ctrl-C, forks, interpreters that end, two copies of the library. Each in a process of its
own, which must end as it should."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import dae


def start(code, **environment):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment)


def finish(process, seconds=120):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def expect(code, out, **environment):
    returned, said, err = finish(start(code, **environment))
    assert (returned, said.strip()) == (0, out), err


def interrupted(code, ready, times=1):
    """What a process says that gets Ctrl-C once it has printed `ready`. It listens to it also where the tests run in the
    background of a shell, which has it ignored."""
    process = start("import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n" + textwrap.dedent(code))
    while True:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        if line.strip() == ready:
            break
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    return finish(process)


def busy(run):
    """The code of a denoiser that another thread has, until `go_on` is set."""
    return textwrap.dedent(f"""\
        import threading, numpy as np, dae
        denoiser, called, go_on = dae.Denoiser.open({str(run)!r}, device="cpu"), threading.Event(), threading.Event()
        def progress(done):
            called.set()
            go_on.wait()
        picture = np.zeros((8, 8, 3), np.uint8)
        thread = threading.Thread(target=lambda: denoiser(picture, progress=progress))
        thread.start()
        called.wait()
        """)


def test_ctrl_c_ends_a_restoration(run):
    code, out, err = interrupted(f"""
        import numpy as np, dae
        denoiser = dae.Denoiser.open({str(run)!r}, device="cpu", memory=4 << 20)
        done = []
        def progress(share):
            done.append(share)
            if len(done) == 1: print("working")
        try:
            denoiser(np.zeros((20000, 20000, 3), np.uint8), progress=progress)
        except KeyboardInterrupt:
            print("interrupted", 0 < done[-1] < 0.5)
        """, "working")
    assert (code, out.strip()) == (0, "interrupted True"), err


def test_ctrl_c_is_heard_while_another_thread_has_the_object(run):
    code, out, err = interrupted(busy(run) + textwrap.dedent("""
        try:
            threading.Timer(0.3, print, ["waiting"]).start()
            denoiser(picture)
        except KeyboardInterrupt:
            go_on.set()
        thread.join()
        print(denoiser(picture).shape)
        """), "waiting")
    assert (code, out.strip()) == (0, "(8, 8, 3)"), err


def test_too_little_memory_is_a_memory_error(tmp_path):
    """Refused before anything is made. The limit counts addresses, and threads take some."""
    expect(f"""
        import pathlib, resource, dae
        dae.set_threads(1)
        dae.best_device()
        taken = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + (512 << 20),) * 2)
        try:
            dae.train("synthetic", out={str(tmp_path / "run")!r}, size=128, batch=128, steps=1, device="cpu")
        except MemoryError as error:
            print(type(error).__name__, str(error).split(":")[0])
        """, "OutOfMemory batch 128", OMP_NUM_THREADS="1")
    assert not (tmp_path / "run").exists()


def test_ctrl_c_saves_a_training(tmp_path):
    code, out, err = interrupted(f"""
        import dae
        class Observer:
            def progressed(self, progress):
                if progress.step == 2: print("training")
        try:
            dae.train("synthetic", Observer(), out={str(tmp_path / "run")!r}, size=16, width=4, blocks=1, levels=2,
                      batch=2, steps=1000000, device="cpu")
        except KeyboardInterrupt as interrupt:
            print(interrupt)
        """, "training")
    assert code == 0 and out.strip() == f"saved in {tmp_path / 'run'}", err
    assert (tmp_path / "run" / "report.html").is_file()
    assert dae.Denoiser.open(tmp_path / "run", device="cpu")(np.zeros((8, 8, 3), np.uint8)).shape == (8, 8, 3)


def test_forked_workers_work():
    """A child of fork has none of the threads that its parent's calls have started."""
    expect("""
        import multiprocessing, numpy as np, dae
        pictures = np.full((16, 64, 64, 3), 99, np.uint8)
        corruption = dae.Corruption()
        whole = corruption(pictures)  # on several threads
        def work(i):
            return np.array_equal(corruption(pictures[i:i + 4], first=i), whole[i:i + 4])
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                print(pool.map(work, range(0, 16, 4)))
        """, "[True, True, True, True]", OMP_NUM_THREADS="4")


def test_an_object_that_is_busy_amid_a_fork(run):
    """Its thread is not there in the child, which would wait for it for ever."""
    expect(busy(run) + textwrap.dedent("""
        import os
        child = os.fork()
        if child == 0:
            try:
                denoiser(picture)
            except dae.Error as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        go_on.set()
        thread.join()
        """), "it was in use by another thread when the process was forked: make another")


def test_spawned_workers_work(tmp_path):
    (tmp_path / "spawned.py").write_text(textwrap.dedent("""
        import multiprocessing, numpy as np, dae
        pictures = np.full((4, 64, 64, 3), 99, np.uint8)
        def work(corruption):
            return corruption(pictures, 3).tobytes()
        if __name__ == "__main__":
            corruption = dae.Corruption(seed=9)
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                print(set(pool.map(work, [corruption, corruption])) == {work(corruption)})
        """))
    done = subprocess.run([sys.executable, tmp_path / "spawned.py"], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize("work", [
    "corruption(np.zeros((64, 256, 256, 3), np.uint8))",
    "denoiser(np.zeros((256, 256, 3), np.uint8))",
    "denoiser(np.zeros((64, 64, 3), np.uint8), progress=lambda done: True)",
    "dae.train('synthetic', Observer(), size=16, width=4, blocks=1, levels=2, batch=2, steps=10**8, out=folder)",
])
def test_an_interpreter_that_ends_amid_calls_of_daemon_threads(work, run, tmp_path):
    for delay in (0.0, 0.05, 0.3):
        code, out, err = finish(start(f"""
            import threading, time, numpy as np, dae
            corruption, denoiser = dae.Corruption(), dae.Denoiser.open({str(run)!r}, device="cpu")
            class Observer:
                def progressed(self, progress): pass
            folder = {str(tmp_path / f"run{delay}")!r}
            def work():
                while True: {work}
            for _ in range({1 if "train" in work else 3}):
                threading.Thread(target=work, daemon=True).start()
            time.sleep({delay})
            print("over")
            """))
        assert (code, out.strip(), err) == (0, "over", ""), (code, err)


def test_an_interpreter_that_ends_amid_a_callback(run):
    """Which it waits for, but not for ever; an object that takes its time to be destroyed gives the callback time to want
    the interpreter once more, when it would be killed."""
    for wait in ("time.sleep(0.2)", "threading.Event().wait()"):
        began = time.monotonic()
        code, out, err = finish(start(f"""
            import os, threading, time, numpy as np, dae
            denoiser, called = dae.Denoiser.open({str(run)!r}, device="cpu"), threading.Event()
            def progress(done):
                called.set()
                {wait}
            class Slow:
                def __del__(self, sleep=time.sleep):
                    sleep(0.5)
            slow = Slow()
            threading.Thread(target=lambda: denoiser(np.zeros((8, 8, 3), np.uint8), progress=progress), daemon=True).start()
            called.wait()
            print("over")
            """))
        assert (code, out.strip(), err) == (0, "over", ""), (code, err)
        assert time.monotonic() - began < 60


def test_handlers_of_atexit_may_wait_for_calls():
    """Those of packages that were imported before run later: they call, wait for a thread that was there, and, where
    Python still starts one, for a new one."""
    expect("""
        import atexit, queue, sys, threading, numpy as np
        def late():
            call()
            asked.put(True)
            thread.join()
            if sys.version_info < (3, 12):
                another = threading.Thread(target=call)
                another.start()
                another.join()
            print(len(made))
        atexit.register(late)
        import dae
        corruption, asked, made = dae.Corruption(), queue.Queue(), []
        def call():
            made.append(corruption(np.zeros((1, 8, 8, 3), np.uint8)))
        def work():
            asked.get()
            call()
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        """, "3" if sys.version_info < (3, 12) else "2")


def test_nothing_is_begun_by_an_interpreter_that_is_closing():
    expect("""
        import os, numpy as np, dae
        class Last:
            def __del__(self, call=dae.Corruption(), zeros=np.zeros((1, 8, 8, 3), np.uint8), error=dae.Error, say=os.write):
                try:
                    call(zeros)
                except error as closing:
                    say(1, str(closing).encode())
        last = Last()
        """, "the interpreter is closing: nothing is begun any more")


def test_another_interpreter_is_refused():
    expect("""
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        run = getattr(interpreters, "exec", None) or interpreters.run_string
        run(interpreters.create(), "try: import dae" + chr(10) + "except ImportError: print('refused')")
        """, "refused")


def copy_of_the_package(folder, name, domain=None):
    """The package beside its libraries under another name; of a version of its own where `domain` is given."""
    package = pathlib.Path(dae.__file__).parent
    shutil.copytree(package, folder / name)
    libraries = package.with_name("dae.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "dae.libs")
    if domain:
        module, = (folder / name).glob("_dae*.so")
        code = module.read_bytes()
        own = ("dae_" + dae.__version__).encode()
        assert own in code and len(own) == len(domain)
        module.write_bytes(code.replace(own, domain))


def test_two_versions_in_one_process(tmp_path):
    copy_of_the_package(tmp_path, "other", b"dae_9.9.9")
    expect(f"""
        import sys, warnings
        warnings.simplefilter("error")
        sys.path.insert(0, {str(tmp_path)!r})
        import numpy as np, dae, other
        pictures = np.full((2, 16, 16, 3), 99, np.uint8)
        a, b = dae.Corruption(seed=2), other.Corruption(seed=2)
        assert np.array_equal(a(pictures, 1), b(pictures, 1))
        assert other.Error is not dae.Error and type(a._spec) is not type(b._spec)
        for library, foreign in ((dae, b), (other, a)):
            try:
                library.train("synthetic", corruption=foreign)
            except TypeError as error:
                assert "corruption: expected" in str(error), error
            else:
                raise AssertionError("took the other's")
        picture = np.zeros((16, 16, 3), np.uint8)
        assert np.array_equal(dae.Denoiser.open(device="cpu")(picture, noise=20), other.Denoiser.open(device="cpu")(picture, noise=20))
        print("apart")
        """, "apart")


def test_the_same_version_twice_is_refused(tmp_path):
    copy_of_the_package(tmp_path, "other")
    expect(f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import numpy as np, dae
        try:
            import other
        except ImportError as error:
            print(error)
        dae.Corruption()(np.full((2, 16, 16, 3), 99, np.uint8))
        """, "this version of dae is in this process already: import it by the name that it has there; where sys.modules has "
           "forgotten it, start anew")


def test_the_module_is_imported_where_no_driver_is():
    expect("""
        import dae
        print(bool(dae.why_no_networks_on_cuda()), dae.best_device())
        """, "True cpu", CUDA_VISIBLE_DEVICES="")
