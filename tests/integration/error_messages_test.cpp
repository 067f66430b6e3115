// Each error says what it is about, who had to do with it, and what to do.

#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
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
     {"BufferTooShort: ", "message of 11 bytes", "buffer of 3"}},
    {"AuthenticationError",
     [] {
       const Listener listener({"localhost", 0}, {.authkey = "key"});
       Process server(refuse_client, listener);
       server.start();
       (void)Client(listener.address(), {.authkey = "another key"});
     },
     {"AuthenticationError: ", "rejected"}},
    {"TimeoutErrorOfRecv",
     [] { (void)Pipe().second.recv<int>(1ms); },
     {"TimeoutError: ", "no message", "wait longer"}},
    {"TransferErrorOfRecv",
     [] {
       const auto [a, b] = Pipe();
       a.send(1);
       (void)b.recv<std::string>();
     },
     {"TransferError: ", "received a int", "std::string"}},
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
     {"ShutDown: ", "queue", "no items any more"}},
    {"ValueErrorOfAClosedQueue",
     [] {
       const Queue<int> q;
       q.close();
       q.put(1);
     },
     {"ValueError: ", "queue", "closed"}},
    {"LockOwnerDied",
     [] {
       const Lock lock;
       kill_holder(lock);
       lock.acquire();
     },
     {"LockOwnerDied: ", "lock", "pid ", "Recovery::"}},
    {"ValueErrorOfRelease", [] { Lock().release(); }, {"ValueError: ", "lock released too many"}},
    {"BrokenBarrierError",
     [] { Barrier(2).wait(1ms); },
     {"BrokenBarrierError: ", "barrier", "reset()"}},
    {"KeyError",
     [] { (void)Dict<std::string, int>().at("hermione"); },
     {"KeyError: ", "'hermione'"}},
    {"ValueErrorOfJoin", [] { Process([] {}).join(); }, {"ValueError: ", "join a started"}},
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
     {"BrokenProcessPool: ", "workers", "no model"}},
    {"BrokenThreadPool",
     [] {
       ThreadPoolExecutor executor(1, {.initializer = no_model});
       (void)executor.submit(fail, 0).result();
     },
     {"BrokenThreadPool: ", "initializer", "no model"}},
    {"CancelledError",
     [] {
       Pool pool(1);
       const auto result = pool.apply_async(wait_for_ever, 1);
       pool.terminate();
       (void)result.get();
     },
     {"CancelledError: ", "pool was terminated", "the task"}},
    {"ValueErrorAfterShutdown",
     [] {
       ThreadPoolExecutor executor(1);
       executor.shutdown();
       (void)executor.submit(fail, 0);
     },
     {"ValueError: ", "after shutdown"}},
    {"ArenaExhausted",
     [] { const RawArray<char> array(std::size_t{1} << 46); },
     {"ArenaExhausted: ", "arena", "bytes", "MULTIPROCESSING_ARENA_LIMIT"}},
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(BetweenProcesses, ErrorMessageTest, testing::ValuesIn(kBetweenProcesses),
                         name_of);
INSTANTIATE_TEST_SUITE_P(OfTasks, ErrorMessageTest, testing::ValuesIn(kOfTasks), name_of);

}  // namespace
}  // namespace multiprocessing
