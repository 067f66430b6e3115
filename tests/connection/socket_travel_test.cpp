// Connections through sockets on their way to other processes: each becomes one of the receiver's
// own, on the same socket.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/context.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/queues.hpp>

#include "connection/raw_peer.hpp"
#include "process/each_start_method.hpp"
#include "support/child.hpp"
#include "support/fd_snapshot.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::abstract_name;
using test::Child;
using test::connected_pair;
using test::connection_and_peer;
using test::require;

bool at_end(const Connection& connection) {
  try {
    (void)connection.recv_bytes();
  } catch (const EOFError&) {
    return true;
  }
  return false;
}

TEST(SocketTravelTest, OneArrivesThroughAQueueAndGoesOnWhereItWas) {
  auto [here, there] = connected_pair();
  const Queue<Connection> queue;
  auto child = Child::run([&queue, here, there] {
    here.close();
    there.close();
    const Connection arrived = queue.get();
    require(arrived.recv<std::string>() == "before");
    arrived.send(7);
    require(arrived.recv<int>() == 8);
  });
  here.send(std::string("before"));
  queue.put(there);
  there.close();
  EXPECT_EQ(here.recv<int>(20s), 7) << "though the sender has closed its own";
  here.send(8);
  EXPECT_TRUE(at_end(here));
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(SocketTravelTest, OneArrivesThroughAConnection) {
  auto [here, there] = connected_pair();
  auto [give, take] = Pipe();
  give.send(there);
  there.close();
  const auto arrived = take.recv<Connection>();
  EXPECT_NE(arrived, there);
  arrived.send_bytes("abc");
  EXPECT_EQ(here.recv_bytes().size(), 3U);
  arrived.close();
  EXPECT_TRUE(at_end(here));
}

TEST(SocketTravelTest, OneIsClosedWhenNobodyCanReceiveIt) {
  auto [here, there] = connected_pair();
  auto [give, take] = Pipe();
  give.send(there);
  there.close();
  EXPECT_FALSE(here.poll(60ms));
  take.close();
  EXPECT_TRUE(at_end(here));
}

TEST(SocketTravelTest, AServerHandsItsClientsToThePool) {
  const Listener listener(abstract_name("socket_travel_test"), {.authkey = "secret"});
  Pool pool(2);
  for (int i = 0; i < 4; ++i) {
    auto client = Child::run([&listener, i] {
      const Connection connection = Client(listener.address(), {.authkey = "secret"});
      connection.send(i);
      require(connection.recv<int>() == i * i);
    });
    pool.apply(
        [](const Connection& served) {
          const int number = served.recv<int>();
          served.send(number * number);
        },
        listener.accept());
    EXPECT_EQ(client.wait(), test::exited(0));
  }
}

TEST(SocketTravelTest, NoDescriptorIsLeftBehind) {
  const auto ends = Pipe();
  const auto once = [&ends] {
    auto [here, there] = connected_pair();
    ends.first.send(there);
    (void)ends.second.recv<Connection>();
  };
  once();
  const test::FdSnapshot before;
  for (int i = 0; i < 10; ++i) once();
  EXPECT_EQ(test::FdSnapshot(), before);
}

TEST(SocketTravelTest, WhatWasReceivedInPartStays) {
  auto [connection, peer] = connection_and_peer();
  peer.send(std::string("\0\0\0\5ab", 6));
  EXPECT_THROW((void)connection.recv_bytes(Connection::npos, 1ms), TimeoutError);
  const Queue<Connection> queue;
  EXPECT_THROW(queue.put(connection), TransferError);
  peer.send("cde");
  EXPECT_EQ(connection.recv_bytes().size(), 5U);
  queue.put(connection);
  EXPECT_FALSE(queue.get().closed());
}

TEST(SocketTravelTest, AClosedOneIsABadDescriptor) {
  auto [here, there] = connected_pair();
  here.close();
  const Queue<Connection> queue;
  try {
    queue.put(here);
    FAIL() << "it is closed";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(SocketTravelTest, HoldsNoNameInTheFamily) {
  auto [here, there] = connected_pair();
  EXPECT_THROW((void)here.handle_id(), TransferError);
}

using SocketTravelStartTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, SocketTravelStartTest, test::each_start_method(),
                         test::name_of_method);

void answer(const Connection& there) {
  there.send(there.recv<int>() + 1);
}

TEST_P(SocketTravelStartTest, OneArrivesAsAnArgument) {
  auto [here, there] = connected_pair();
  auto child = ctx().Process(answer, there);
  child.start();
  there.close();
  here.send(41);
  EXPECT_EQ(here.recv<int>(20s), 42);
  EXPECT_TRUE(child.join(20s));
}

}  // namespace
}  // namespace multiprocessing
