// Listeners and clients in different processes: who serves whom, who removes what, and who dies.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/signals.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "connection/raw_peer.hpp"
#include "support/child.hpp"
#include "support/fd_snapshot.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::abstract_name;

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

class ListenerProcessTest : public testing::TestWithParam<std::string> {
 protected:
  static Address fresh() {
    return GetParam() == "abstract" ? abstract_name("listener_process_test")
                                    : arbitrary_address(GetParam());
  }
};

TEST_P(ListenerProcessTest, ClientInAnotherProcessIsServed) {
  const Listener listener(fresh(), {.authkey = "secret"});
  Process child([address = listener.address()] {
    const Connection connection = Client(address, {.authkey = "secret"});
    connection.send(std::string("hello"));
    connection.close();
  });
  child.start();

  const Connection served = listener.accept();

  EXPECT_EQ(served.recv<std::string>(), "hello");
  EXPECT_THROW(static_cast<void>(served.recv<std::string>()), EOFError);
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(ListenerProcessTest, ForkedProcessesAcceptFromOneListener) {
  constexpr int kServers = 3;
  const Listener listener(fresh(), {.backlog = 10, .authkey = "secret"});
  Process servers[kServers];
  for (Process& server : servers) {
    server = Process([listener] {
      const Connection served = listener.accept();
      served.send(::getpid());
      static_cast<void>(served.poll(10s));  // until the client has gone
    });
    server.start();
  }

  std::set<int> pids;
  {
    std::vector<Connection> clients;
    for (int i = 0; i < kServers; ++i) {
      clients.push_back(Client(listener.address(), {.authkey = "secret"}));
      pids.insert(clients.back().recv<int>());
    }
  }

  EXPECT_EQ(pids.size(), std::size_t{kServers}) << "each one serves its own client";
  for (Process& server : servers) server.join();
}

INSTANTIATE_TEST_SUITE_P(Families, ListenerProcessTest,
                         testing::Values("AF_UNIX", "abstract", "AF_INET"),
                         [](const auto& family) { return family.param; });

TEST(ListenerPathTest, ForkedChildLeavesThePathAlone) {
  const Listener listener;
  const std::string path = listener.address().path();
  Process child([listener] { listener.close(); });
  child.start();
  child.join();

  EXPECT_TRUE(exists(path));
  const Connection client = Client(listener.address());
  client.send(1);
  EXPECT_EQ(listener.accept().recv<int>(), 1);
}

TEST(ListenerPathTest, ProcessThatEndsRemovesWhatItMade) {
  const Queue<std::string> paths;
  Process child([paths] {
    const auto* const kept = new Listener;  // never closed
    paths.put(kept->address().path());
  });
  child.start();
  const std::filesystem::path path = paths.get();
  child.join();

  EXPECT_FALSE(exists(path));
  EXPECT_FALSE(exists(path.parent_path()));
}

TEST(ListenerDeathTest, PeerThatIsKilledIsTheEndOrABrokenMessage) {
  const Listener listener;
  const Queue<int> ready;
  Process child([address = listener.address(), ready] {
    const Connection connection = Client(address);
    connection.send(1);
    ready.put(1);
    connection.send_bytes(std::string(std::size_t{64} << 20U, 'x'));  // more than is taken
  });
  child.start();
  const Connection served = listener.accept();
  EXPECT_EQ(served.recv<int>(), 1);
  ready.get();
  EXPECT_TRUE(served.poll(10s)) << "it is in the middle of the message";
  child.kill();
  child.join();

  EXPECT_THROW(static_cast<void>(served.recv_bytes()), std::system_error);
  EXPECT_THROW(static_cast<void>(served.recv_bytes()), std::system_error) << "and stays so";
}

TEST(ListenerDeathTest, ClientThatIsKilledInTheHandshakeHoldsNobodyUp) {
  const Listener listener(abstract_name("listener_process_test"),
                          {.backlog = 5, .authkey = "secret"});
  auto child = test::Child::run([&] {
    const test::RawPeer silent(listener.address());
    test::require(silent.connected());
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  EXPECT_THROW(static_cast<void>(listener.accept(Timeout::zero())), TimeoutError);
  child.kill(SIGKILL);
  EXPECT_EQ(child.wait(), test::killed_by(SIGKILL));

  EXPECT_THROW(static_cast<void>(listener.accept()), std::system_error)
      << "ECONNRESET, since it had not read the challenge";
  EXPECT_THROW(static_cast<void>(listener.accept(Timeout::zero())), TimeoutError);
}

TEST(ConnectionForkTest, ForkedChildGoesOnWithTheConnection) {
  const auto [here, there] = test::connected_pair();
  Process child([end = there] { end.send(end.recv<int>() + 1); });
  child.start();
  there.close();

  here.send(41);

  EXPECT_EQ(here.recv<int>(), 42);
  child.join();
  EXPECT_THROW(static_cast<void>(here.recv<int>()), EOFError);
}

// In a child, which is its own main thread; the signal may come before the wait.
template <class Wait>
void expect_interrupted(Wait wait) {
  const Queue<int> ready;
  Process child([ready, wait] {
    raise_on_signal({SIGUSR1});
    ready.put(1);
    try {
      wait();
    } catch (const KeyboardInterrupt& interrupt) {
      throw SystemExit{interrupt.signum() == SIGUSR1 ? 7 : 8};
    }
  });
  child.start();
  ready.get();
  child.send_signal(SIGUSR1);
  child.join();
  EXPECT_EQ(child.exitcode(), 7);
}

TEST(ConnectionSignalTest, SignalEndsEveryWait) {
  const Listener listener({}, {.authkey = "secret"});
  const auto [here, there] = test::connected_pair();

  expect_interrupted([=] { static_cast<void>(listener.accept()); });
  expect_interrupted([=] { static_cast<void>(Client(listener.address(), {.authkey = "secret"})); });
  expect_interrupted([end = here] { static_cast<void>(end.recv_bytes()); });
  expect_interrupted([end = here] { static_cast<void>(end.poll({})); });
  expect_interrupted([end = here] { end.send_bytes(std::string(std::size_t{64} << 20U, 'x')); });
}

TEST(ConnectionLeftoversTest, NothingIsLeftOpen) {
  {
    const Listener first;
  }  // what the first use of the library opens stays
  const test::FdSnapshot before;
  for (int i = 0; i < 3; ++i) {
    const Listener listener({"localhost", 0});
    const test::RawPeer silent(listener.address());
    const Connection client = Client(listener.address());
    const Connection served = listener.accept();
    EXPECT_THROW(static_cast<void>(Client(Address("localhost", 1))), std::system_error);
  }

  EXPECT_EQ(test::FdSnapshot(), before);
}

}  // namespace
}  // namespace multiprocessing
