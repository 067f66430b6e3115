// Kills a process at each point named in lib/connection, and where a fork gives it ends: whoever
// holds the other end receives what was sent, then the end, and nothing is left behind.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ostream>
#include <string>

#include <multiprocessing/connection.hpp>

#include "shm/block.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

struct Case {
  const char* point;
  int visit = 1;
  friend std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.point << " visit " << c.visit;
  }
};

class ConnectionChaosTest : public testing::TestWithParam<Case> {
 protected:
  // Makes pipes, gives ends to a child, sends them, closes them: passes every point.
  static void be_victim(const Connection& there) {
    sys::arm_crash_point(GetParam().point, GetParam().visit);
    for (int i = 0; i < 20; ++i) {
      there.send(i);
      auto [mine, other] = Pipe();
      auto [reader, writer] = Pipe(false);
      mine.send(writer);
      auto child = Child::run([reader] {
        sys::disarm_crash_point();
        reader.close();
      });
      (void)child.wait();
      other.close();
      mine.close();
    }
  }

  // What a family at rest may keep.
  static std::uint64_t blocks_at_rest() {
    for (int i = 0; i < 2; ++i) {
      auto [here, there] = Pipe();
      here.send(1);
      auto child = Child::run([there] { require(there.recv<int>() == 1); });
      EXPECT_EQ(child.wait(), test::exited(0));
      (void)shm::bury_the_dead();
    }
    (void)Pipe();
    return shm::census().blocks;
  }
};

TEST_P(ConnectionChaosTest, TheOtherSideReceivesWhatWasSentThenTheEnd) {
  const std::uint64_t before = blocks_at_rest();
  {
    auto [here, there] = Pipe();
    auto victim = Child::run([there] { be_victim(there); });
    there.close();
    int next = 0;
    try {
      for (;; ++next) ASSERT_EQ(here.recv<int>(30s), next);
    } catch (const EOFError&) {
    }
    EXPECT_GE(next, 1);
    ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
    EXPECT_THROW(here.send(1), std::system_error);
  }
  (void)shm::bury_the_dead();
  EXPECT_EQ(blocks_at_rest(), before);
}

TEST_P(ConnectionChaosTest, AStrangerToTheDeadKeepsItsConnection) {
  auto [here, there] = Pipe();
  auto echo = Child::run([there, here] {
    here.close();
    for (int i = 0; i < 200; ++i) there.send(there.recv<int>() + 1);
  });
  auto [told, tell] = Pipe();
  auto victim = Child::run([tell] { be_victim(tell); });
  there.close();
  for (int i = 0; i < 200; ++i) {
    here.send(i);
    ASSERT_EQ(here.recv<int>(30s), i + 1);
  }
  EXPECT_EQ(echo.wait(), test::exited(0));
  EXPECT_THROW((void)here.recv<int>(30s), EOFError) << "or the dead one holds an end of it";
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
}

constexpr Case kCases[] = {
    {"connection.pipe.queued"},
    {"connection.pipe.made"},
    {"connection.pipe.made", 2},
    {"connection.pipe.held"},
    {"connection.pipe.held", 2},
    {"connection.pipe.paired"},
    {"connection.end.shut"},
    {"connection.end.shut", 2},
    {"connection.end.abandoned"},
    {"connection.end.abandoned", 2},
    {"connection.end.left"},
    {"connection.end.left", 2},
    {"connection.end.left", 3},
    {"object.heir.listed"},
    {"object.heir.listed", 3},
    {"object.heir.entered"},
    {"object.heir.entered", 5},
    {"queue.put.published", 3},
    {"message.held"},
    {"object.drop.removed", 2},
    {"object.drop.scanned", 2},
    {"object.drop.dying", 2},
    {"object.drop.destroyed", 2},
    {"slot.claim.forked"},
    {"object.enter.entered", 3},
    {"object.drop.noted", 5},
};

INSTANTIATE_TEST_SUITE_P(Points, ConnectionChaosTest, testing::ValuesIn(kCases));

}  // namespace
}  // namespace multiprocessing
