// What a death leaves between programs, at moments of chance and from bad peers; the points are in
// tests/chaos/manager_chaos_test.cpp.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/managers.hpp>

#include "manager/programs.hpp"
#include "manager/protocol.hpp"
#include "shm/arena.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::exited;
using test::Programs;
using test::require;

class Waiter {
 public:
  int wait(const Event& begun) {
    begun.set();
    static_cast<void>(never_.wait());
    return 0;
  }

 private:
  Event never_;
};
MULTIPROCESSING_EXPOSE(Waiter, wait)

void with_all(const BaseManager& manager) {
  manager.register_type<Queue<int>>("jobs");
  manager.register_type<Queue<int>>("answers");
  manager.register_type<JoinableQueue<int>>(
      "to do", [queue = JoinableQueue<int>(0, OnDeath::requeue)] { return queue; });
  manager.register_type<Lock>("lock");
  manager.register_type<Waiter>("waiter");
}

TEST(ManagerDeathTest, HandlesOutliveTheManager) {
  Programs programs;
  auto& server = programs.serve(with_all);
  auto first = programs.start([&](const BaseManager& manager) {
    const auto jobs = manager.get<Queue<int>>("jobs");
    const auto answers = manager.get<Queue<int>>("answers");
    const auto lock = manager.get<Lock>("lock");
    test::hang_up();
    require(jobs.get(20s) == 1);
    const std::lock_guard guard(lock);
    answers.put(2);
  });
  first.await_hang_up();
  programs.run([&](const BaseManager& manager) {
    const auto jobs = manager.get<Queue<int>>("jobs");
    const auto answers = manager.get<Queue<int>>("answers");
    server.kill(SIGKILL);
    while (error_of([&] { static_cast<void>(manager.get<Lock>("lock")); }) ==
           "nothing was thrown") {
    }
    jobs.put(1);
    require(answers.get(20s) == 2);
  });
  EXPECT_EQ(first.wait(), exited(0));
}

TEST(ManagerDeathTest, CallsOfADeadManagerEndInAnError) {
  Programs programs;
  auto& server = programs.serve(with_all);
  auto client = programs.start([](const BaseManager& manager) {
    const auto waiter = manager.get<Waiter>("waiter");
    const Event begun;
    std::thread caller([&] {
      const std::string error = error_of([&] { waiter.wait(begun); });
      require(error.starts_with("EOFError: the manager at "));
      require(error.find("has ended during a call") != std::string::npos);
    });
    require(begun.wait(20s));
    test::hang_up();
    caller.join();
    require(error_of([&] { static_cast<void>(manager.get<Lock>("lock")); }) !=
            "nothing was thrown");
  });
  client.await_hang_up();
  server.kill(SIGKILL);
  EXPECT_EQ(client.wait(), exited(0));
}

TEST(ManagerDeathTest, ClientOfADeadManagerHasProxiesOfTheNext) {
  Programs programs;
  auto& server = programs.serve(with_all);
  auto client = programs.start([&](const BaseManager& manager) {
    const auto jobs = manager.get<Queue<int>>("jobs");
    jobs.put(1);
    test::hang_up();
    // Until the next one serves there. This one may die in the midst of each.
    while (manager.shares_memory()) static_cast<void>(error_of([&] { manager.connect(); }));
    const std::string error = error_of([&] { static_cast<void>(manager.get<Queue<int>>("jobs")); });
    require(error.starts_with("TransferError") &&
            error.find("another manager") != std::string::npos);
    require(jobs.get(10s) == 1);
  });
  client.await_hang_up();
  server.kill(SIGKILL);
  static_cast<void>(server.wait());
  programs.serve(with_all);
  EXPECT_EQ(client.wait(), exited(0));
}

TEST(ManagerDeathTest, LockOfADeadProgramIsReported) {
  Programs programs;
  programs.serve(with_all);
  auto holder = programs.start([](const BaseManager& manager) {
    const auto lock = manager.get<Lock>("lock");
    lock.acquire();
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  auto waiter = programs.start([](const BaseManager& manager) {
    const auto lock = manager.get<Lock>("lock");
    test::hang_up();
    require(error_of([&] { lock.acquire(); }).starts_with("LockOwnerDied"));
    require(lock.acquire(1s));
  });
  waiter.await_hang_up();
  holder.kill(SIGKILL);
  EXPECT_EQ(waiter.wait(), exited(0));
}

TEST(ManagerDeathTest, JobOfADeadConsumerIsPutBack) {
  Programs programs;
  programs.serve(with_all);
  programs.run([](const BaseManager& manager) {
    const auto jobs = manager.get<JoinableQueue<int>>("to do");
    for (int i = 0; i < 100; ++i) jobs.put(i);
  });
  auto victim = programs.start([](const BaseManager& manager) {
    const auto jobs = manager.get<JoinableQueue<int>>("to do");
    require(jobs.get(10s) == 0);
    test::hang_up_and_wait();
  });
  victim.await_hang_up();
  victim.kill(SIGKILL);
  static_cast<void>(victim.wait());
  programs.run([](const BaseManager& manager) {
    const auto jobs = manager.get<JoinableQueue<int>>("to do");
    int sum = 0;
    for (int i = 0; i < 100; ++i) {
      sum += jobs.get(10s);
      jobs.task_done();
    }
    require(sum == 4950 && jobs.join(10s));
  });
}

TEST(ManagerDeathTest, ManagerGoesOnAfterClientsThatAreKilledInCalls) {
  Programs programs;
  programs.serve(with_all);
  for (int i = 0; i < 5; ++i) {
    auto victim = programs.start([](const BaseManager& manager) {
      const Event begun;
      std::thread caller([&] { manager.get<Waiter>("waiter").wait(begun); });
      require(begun.wait(20s));
      test::hang_up_and_wait();
    });
    victim.await_hang_up();
    victim.kill(SIGKILL);
    static_cast<void>(victim.wait());
  }
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });
}

// Peers that are not what they should be.

TEST(ManagerPeerTest, SilentClientHoldsNobodyUp) {
  Programs programs;
  programs.serve(with_all);
  const Connection unauthenticated = Client(programs.address());
  const Connection silent = Client(programs.address(), {.authkey = test::kManagerKey});
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });
}

TEST(ManagerPeerTest, ClientOfAnotherLayoutIsToldBothIds) {
  Programs programs;
  programs.serve(with_all);
  const Connection client = Client(programs.address(), {.authkey = test::kManagerKey});
  manager::send_greeting(client, manager::Hello{.layout_id = 0xabc,
                                                .pid = ::getpid(),
                                                .pid_namespace = test::own_pid_namespace(),
                                                .wants_to_share = true});
  const auto welcome = manager::receive_greeting<manager::Welcome>(client, 10s);
  EXPECT_TRUE(welcome.accepted);
  EXPECT_EQ(welcome.sharing, manager::Sharing::no);
  EXPECT_EQ(welcome.why_not, "its shared layouts are others: layout id 0xabc of the client, " +
                                 shm::shown(shm::layout_id()) + " of the manager");
}

TEST(ManagerPeerTest, NonsenseEndsOneConnectionOnly) {
  Programs programs;
  programs.serve(with_all);
  for (const char* const nonsense : {"", "x", "GET / HTTP/1.0\r\n\r\n", "01234567890123456789"}) {
    const Connection client = Client(programs.address(), {.authkey = test::kManagerKey});
    client.send_bytes(std::string(nonsense));
    EXPECT_TRUE(error_of([&] { static_cast<void>(client.recv_bytes()); }).starts_with("EOFError"));
  }
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });
}

TEST(ManagerPeerTest, ListenerThatIsNoManagerIsRefused) {
  const Listener listener({"127.0.0.1", 0}, {.authkey = "key"});
  std::thread peer([&] {
    const Connection client = listener.accept();
    static_cast<void>(client.recv_bytes());
    client.send(std::string("hello"));
  });
  const BaseManager manager(listener.address(), {.authkey = "key"});
  EXPECT_EQ(
      error_of([&] { manager.connect(); }),
      "ProcessError: the other end is no manager or client of this library on such a machine");
  peer.join();
}

TEST(ManagerPeerTest, ManagerThatSaysNothingIsGivenUp) {
  const Listener listener({"127.0.0.1", 0}, {.authkey = "key"});
  std::thread peer([&] {
    const Connection client = listener.accept();
    EXPECT_TRUE(error_of([&] {
                  for (;;) static_cast<void>(client.recv_bytes());
                }).starts_with("EOFError"));
  });
  const BaseManager manager(listener.address(), {.authkey = "key", .connect_timeout = 100ms});
  EXPECT_TRUE(error_of([&] { manager.connect(); }).starts_with("TimeoutError"));
  peer.join();
}

}  // namespace
}  // namespace multiprocessing
