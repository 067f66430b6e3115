// Each error says what it is about, who had to do with it, and what to do.

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <fstream>
#include <functional>
#include <optional>
#include <ostream>
#include <ranges>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/multiprocessing.hpp>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int wait_for_ever(int x) {
  const Event never;
  never.wait();
  return x;
}
int die(int x) {
  kill(getpid(), SIGKILL);
  return x;
}
int fail(int x) {
  if (x != 0) throw std::string("not an exception");
  return x;
}
void no_model() {
  throw std::runtime_error("no model");
}

void die_holding(const Lock& lock) {
  lock.acquire();
  kill(getpid(), SIGKILL);
}
pid_t kill_holder(const Lock& lock) {
  Process holder({.name = "holder"}, die_holding, lock);
  holder.start();
  holder.join();
  return *holder.pid();
}
void refuse_client(const Listener& listener) {
  try {
    (void)listener.accept();
  } catch (const AuthenticationError&) {
  }
}

struct Case {
  const char* name;
  std::function<void()> provoke;
  std::vector<std::string> words;  // all of them are in the message, which describe() gives
};

void PrintTo(const Case& tested, std::ostream* out) {
  *out << tested.name;
}

class ErrorMessageTest : public testing::TestWithParam<Case> {};

TEST_P(ErrorMessageTest, NamesTheObjectTheProcessAndTheRemedy) {
  const Case& tested = GetParam();
  std::string text;
  try {
    tested.provoke();
  } catch (...) {
    text = describe(std::current_exception());
  }
  for (const std::string& word : tested.words) {
    EXPECT_NE(text.find(word), std::string::npos) << '"' << text << "\" does not say " << word;
  }
}

TEST(LockOwnerDiedMessageTest, NamesTheProcess) {
  const Lock lock;
  const pid_t holder = kill_holder(lock);
  try {
    lock.acquire();
    FAIL() << "nothing thrown";
  } catch (const LockOwnerDied& died) {
    EXPECT_NE(std::string(died.what()).find(std::to_string(holder)), std::string::npos);
  }
}

const std::vector<Case> kBetweenProcesses{
    {"BufferTooShort",
     [] {
       const auto [a, b] = Pipe();
       a.send_bytes(std::string("hello world"));
       std::array<std::byte, 3> buffer{};
       b.recv_bytes_into(buffer);
     },
     {"BufferTooShort: ", "message of 11 bytes", "buffer of 3", "message()"}},
    {"AuthenticationError",
     [] {
       const Listener listener({"localhost", 0}, {.authkey = "key"});
       Process server(refuse_client, listener);
       server.start();
       (void)Client(listener.address(), {.authkey = "another key"});
     },
     {"AuthenticationError: digest sent was rejected: ", "peer", "this process", "the same"}},
    {"TimeoutErrorOfRecv",
     [] { (void)Pipe().second.recv<int>(1ms); },
     {"TimeoutError: ", "no message", "wait longer"}},
    {"TransferErrorOfRecv",
     [] {
       const auto [a, b] = Pipe();
       a.send(1);
       (void)b.recv<std::string>();
     },
     {"TransferError: ", "received a int", "std::string", "recv"}},
    {"EOFError",
     [] {
       auto [a, b] = Pipe();
       a.close();
       (void)b.recv<int>();
     },
     {"EOFError: ", "other end", "every process"}},
    {"SystemErrorOfClient",
     [] { (void)Client("/tmp/nobody/listens"); },
     {"std::system_error: ", "connect", "/tmp/nobody/listens", "No such file"}},
    {"Empty", [] { (void)Queue<int>().get(1ms); }, {"Empty: ", "queue", "try_get"}},
    {"Full",
     [] {
       const Queue<int> q(1);
       q.put(1);
       q.put(2, 1ms);
     },
     {"Full: ", "queue", "maxsize", "try_put"}},
    {"ShutDown",
     [] {
       const Queue<int> q;
       q.shutdown();
       q.put(1);
     },
     {"ShutDown: ", "queue", "no items any more", "those that it still has"}},
    {"ValueErrorOfAClosedQueue",
     [] {
       const Queue<int> q;
       q.close();
       q.put(1);
     },
     {"ValueError: ", "queue", "closed in this process", "last use"}},
    {"LockOwnerDied",
     [] {
       const Lock lock;
       kill_holder(lock);
       lock.acquire();
     },
     {"LockOwnerDied: ", "lock", "pid ", "Recovery::"}},
    {"ValueErrorOfRelease",
     [] { Lock().release(); },
     {"ValueError: semaphore or lock released too many times: ", "this lock",
      "acquire() comes first"}},
    {"BrokenBarrierError",
     [] { Barrier(2).wait(1ms); },
     {"BrokenBarrierError: ", "barrier", "reset()"}},
    {"KeyError",
     [] { (void)Dict<std::string, int>().at("hermione"); },
     {"KeyError: 'hermione'", "dict", "get()"}},
    {"ValueErrorOfJoin",
     [] { Process([] {}).join(); },
     {"ValueError: can only join a started process: ", "Process-", "start()"}},
    {"ValueErrorOfASecondStart",
     [] {
       Process process({.name = "reader"}, [] {});
       process.start();
       process.start();
     },
     {"ValueError: cannot start a process twice: ", "reader", "another Process"}},
    {"ValueErrorOfAnOpenProcess",
     [] {
       Process process({.name = "reader", .daemon = true}, [] { Event().wait(); });
       process.start();
       process.close();
     },
     {"ValueError: Cannot close a process while it is still running.", "join()", "reader, pid "}},
    {"ValueErrorOfAMovedHandle",
     [] {
       const Event event;
       Event moved = event;
       const Event last = std::move(moved);
       moved.set();  // NOLINT(bugprone-use-after-move): that is the mistake
     },
     {"ValueError: this handle refers to nothing ", "moved from", "use the one"}},
    {"ValueErrorOfAMissingLock",
     [] { (void)Value<int>(1, no_lock).get_lock(); },
     {"ValueError: this object was made without a lock: ", "no_lock", "where it is made"}},
    {"ValueErrorOfAModifyInAModify",
     [] {
       const Dict<int, int> dict{{1, 2}};
       dict.modify(1, [&dict](int&) { dict.set(3, 4); });
     },
     {"ValueError: a function given to Dict::modify ", "same Dict", "has returned"}},
    {"ValueErrorOfAClosedSegment",
     [] {
       const SharedMemory memory({.create = true, .size = 10});
       memory.unlink();
       memory.close();
       (void)memory.buf();
     },
     {"ValueError: shared memory '", "closed in this process", "last use"}},
    {"ValueErrorOfTaskDone",
     [] { JoinableQueue<int>().task_done(); },
     {"ValueError: task_done() called too many times: ", "each item"}},
    {"ProcessErrorOfAManager",
     [] { (void)BaseManager().get<Lock>("lock"); },
     {"ProcessError: ", "get", "this manager", "start() or connect()"}},
    {"KeyboardInterrupt",
     [] { throw KeyboardInterrupt(SIGINT); },
     {"KeyboardInterrupt: ", "SIGINT"}},
};

const std::vector<Case> kOfTasks{
    {"TimeoutErrorOfAResult",
     [] {
       Pool pool(1);
       (void)pool.apply_async(wait_for_ever, 1).get(1ms);
     },
     {"TimeoutError: ", "the task", "goes on", "wait again"}},
    {"TaskTimeout",
     [] {
       Pool pool(1);
       (void)pool.apply_async({.timeout = 10ms, .name = "render"}, wait_for_ever, 1).get();
     },
     {"TaskTimeout: ", "render", "was ended", "more time"}},
    {"WorkerDied",
     [] {
       Pool pool(1);
       (void)pool.apply_async({.name = "render"}, die, 1).get();
     },
     {"WorkerDied: ", "pid ", "render", "SIGKILL", "again"}},
    {"RemoteError",
     [] {
       Pool pool(1);
       (void)pool.apply(fail, 1);
     },
     {"std::", "string"}},
    {"TransferErrorOfAnExecutor",
     [] {
       ProcessPoolExecutor processes(1);
       Executor& executor = processes;
       int captured = 1;
       (void)executor.submit([&captured] { return captured; });
     },
     {"TransferError: ", "callable", "worker process", "partial", "by_value"}},
    {"BrokenProcessPool",
     [] {
       ProcessPoolExecutor executor(1, {.initializer = no_model});
       (void)executor.submit(fail, 0).result();
     },
     {"BrokenProcessPool: ", "workers", "no model", "make another"}},
    {"BrokenThreadPool",
     [] {
       ThreadPoolExecutor executor(1, {.initializer = no_model});
       (void)executor.submit(fail, 0).result();
     },
     {"BrokenThreadPool: ", "initializer", "no model", "make another"}},
    {"CancelledError",
     [] {
       Pool pool(1);
       const auto result = pool.apply_async(wait_for_ever, 1);
       pool.terminate();
       (void)result.get();
     },
     {"CancelledError: ", "pool was terminated", "the task", "close() and join()"}},
    {"ValueErrorAfterShutdown",
     [] {
       ThreadPoolExecutor executor(1);
       executor.shutdown();
       (void)executor.submit(fail, 0);
     },
     {"ValueError: cannot schedule new futures after shutdown: ", "make another executor"}},
    {"CancelledErrorOfAFuture",
     [] {
       ThreadPoolExecutor executor(1);
       const Event go;
       const auto first = executor.submit([&] { go.wait(); });
       auto second = executor.submit(fail, 0);
       (void)second.cancel();
       go.set();
       (void)second.result();
     },
     {"CancelledError: ", "the task", "submit it again"}},
    {"ValueErrorOfAClosedPool",
     [] {
       Pool pool(1);
       pool.close();
       (void)pool.apply(fail, 0);
     },
     {"ValueError: Pool not running: ", "closed", "make another one"}},
    {"ValueErrorOfAnOpenPool",
     [] { Pool(1).join(); },
     {"ValueError: Pool is still running: ", "close() or terminate()"}},
    {"BrokenExecutor", [] { throw BrokenExecutor(); }, {"BrokenExecutor: ", "make another one"}},
    // Nothing of the library's throws it: futures are set by executors only. Users' code may.
    {"InvalidStateErrorOfATask",
     [] { Pool(1).apply([] { throw InvalidStateError(); }); },
     {"InvalidStateError: ", "the future", "ask done()"}},
    {"ArenaExhausted",
     [] { const RawArray<char> array(std::size_t{1} << 46); },
     {"ArenaExhausted: ", "arena", "bytes", "MULTIPROCESSING_ARENA_LIMIT"}},
};

// Each class of errors.hpp, but for the base that nothing throws, has a case of its name.
TEST(ErrorClassesTest, EachHasACase) {
  std::ifstream header(TEST_ERRORS_HPP);
  const std::regex pattern(R"(^class MULTIPROCESSING_API (\w+) : public)");
  int classes = 0;
  for (std::string line; std::getline(header, line);) {
    std::smatch found;
    if (!std::regex_search(line, found, pattern) || found[1] == "Error") continue;
    ++classes;
    const std::string name = found[1];
    const auto is_of = [&](const Case& tested) {
      const std::string_view its(tested.name);
      return its == name || its.starts_with(name + "Of") || its.starts_with(name + "After");
    };
    EXPECT_TRUE(std::ranges::any_of(kBetweenProcesses, is_of) ||
                std::ranges::any_of(kOfTasks, is_of))
        << name << " has no case here";
  }
  EXPECT_EQ(classes, 23) << "the pattern does not fit the header any more, or there is a new class";
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(BetweenProcesses, ErrorMessageTest, testing::ValuesIn(kBetweenProcesses),
                         name_of);
INSTANTIATE_TEST_SUITE_P(OfTasks, ErrorMessageTest, testing::ValuesIn(kOfTasks), name_of);

}  // namespace
}  // namespace multiprocessing
