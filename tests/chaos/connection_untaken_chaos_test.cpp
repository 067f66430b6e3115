// Stops and kills those who send an end of a connection, and those who destroy one, in the middle:
// an end that nobody can receive any more is closed, and what was let go is not touched again.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/detail/handle.hpp>

#include "connection/end.hpp"
#include "connection/ends.hpp"
#include "queue/queue_state.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::at_end;
using test::Child;
using test::require;

class UntakenEndChaosTest : public testing::Test {
 protected:
  // Sends `there` through `sender`, and is stopped just before anybody could see it. Says 42 if it
  // was told that nobody will receive it.
  Child stopped_sender(void (*on_continue)(int) = nullptr) {
    auto child = Child::run([this, on_continue] {
      here_.close();
      receiver_.close();
      if (on_continue != nullptr) ::signal(SIGCONT, on_continue);
      sys::arm_stop_point("queue.put.noted");
      try {
        sender_.send(there_);
      } catch (const std::system_error& error) {
        require(error.code() == std::errc::broken_pipe);
        ::_exit(42);
      }
    });
    EXPECT_TRUE(child.await_stop());
    there_.close();
    return child;
  }

  std::pair<Connection, Connection> ends_ = Pipe();
  std::pair<Connection, Connection> ways_ = Pipe();
  const Connection& here_ = ends_.first;
  const Connection& there_ = ends_.second;
  const Connection& sender_ = ways_.first;
  const Connection& receiver_ = ways_.second;
};

TEST_F(UntakenEndChaosTest, ASenderWhoComesTooLateIsToldAndTheEndIsClosed) {
  auto child = stopped_sender();
  receiver_.close();
  child.kill(SIGCONT);
  EXPECT_EQ(child.wait(), test::exited(42));
  EXPECT_TRUE(at_end(here_));
}

TEST_F(UntakenEndChaosTest, ASenderKilledBeforeItLooksLeavesNothingOpen) {
  auto child = stopped_sender([](int) { sys::arm_crash_point("queue.put.settled"); });
  receiver_.close();
  child.kill(SIGCONT);
  EXPECT_EQ(child.wait(), test::killed_by(SIGKILL));
  EXPECT_TRUE(at_end(here_)) << "though the sending end is held, and idle";
  EXPECT_FALSE(sender_.closed());
}

TEST_F(UntakenEndChaosTest, AReceiverInTimeReceives) {
  auto child = stopped_sender();
  child.kill(SIGCONT);
  EXPECT_EQ(child.wait(), test::exited(0));
  const auto arrived = receiver_.recv<Connection>(20s);
  arrived.send(5);
  EXPECT_EQ(here_.recv<int>(20s), 5);
}

// A second destroyer must not shut down what the first one let go: it may be something else by now.
class EndDestructionChaosTest : public testing::TestWithParam<int> {
 protected:
  static detail::Handle queue_of(shm::ObjectId id) {
    return detail::Handle::from_id(id, static_cast<std::uint32_t>(shm::ObjectKind::queue));
  }
  static lanes::Word& shutdown_of(const detail::Handle& queue) {
    return static_cast<lanes::QueueState*>(queue.payload())->shutdown;
  }
};

TEST_P(EndDestructionChaosTest, WhatWasLetGoIsLeftAlone) {
  auto [here, there] = Pipe();
  const auto& end = *shm::payload<connection::EndState>(
      shm::find_object(there.handle_id().value, shm::ObjectKind::connection));
  const detail::Handle in = queue_of(end.in);
  const detail::Handle out = queue_of(end.out);
  auto victim = Child::run([there, here] {
    here.close();
    ::raise(SIGSTOP);
    sys::arm_crash_point("connection.end.left", GetParam());
    there.close();
  });
  ASSERT_TRUE(victim.await_stop());
  there.close();
  victim.kill(SIGCONT);
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
  ASSERT_NE(shutdown_of(in).exchange(0), 0U);
  ASSERT_NE(shutdown_of(out).exchange(0), 0U);

  (void)shm::bury_the_dead();

  EXPECT_EQ(shutdown_of(in).load(), 0U);
  EXPECT_EQ(shutdown_of(out).load() != 0, GetParam() == 1) << "that one was still held";
}

INSTANTIATE_TEST_SUITE_P(Points, EndDestructionChaosTest, testing::Values(1, 2));

}  // namespace
}  // namespace multiprocessing
