// Stops a process at each point of a put or a get: the others' calls end in time and lose nothing,
// and what the stopped one was about goes on with it.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <ostream>
#include <string>

#include <multiprocessing/queues.hpp>

#include "support/chaos.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::Child;
using test::require;

enum class Kind { plain, bounded, blocks, joinable };

struct Case {
  const char* point;
  Kind kind;
  int visit = 1;
  friend std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.point << " kind " << static_cast<int>(c.kind) << " visit " << c.visit;
  }
};

class QueueStopTest : public testing::TestWithParam<Case> {
 protected:
  static constexpr std::size_t kPlaces = 4;

  [[nodiscard]] static std::string item(int number) {
    const std::string padding(GetParam().kind == Kind::blocks ? 3000 : 0, ' ');
    return padding + std::to_string(number);
  }
  static Queue<std::string> make() {
    if (GetParam().kind == Kind::joinable) return JoinableQueue<std::string>();
    return Queue<std::string>(GetParam().kind == Kind::bounded ? kPlaces : 0);
  }
  std::optional<int> get(Timeout timeout = Timeout::zero()) const {
    const auto text = queue_.try_get(timeout);
    return text ? std::optional(std::stoi(*text)) : std::nullopt;
  }
  // Whoever else is there: a wait in vain is bounded, and an item passes.
  void expect_that_others_go_on() {
    while (const auto got = get()) ++got_[*got];
    const auto start = steady_clock::now();
    EXPECT_THROW((void)queue_.get(100ms), Empty);
    EXPECT_GE(steady_clock::now() - start, 100ms);
    EXPECT_LT(steady_clock::now() - start, 1s);
    auto other = Child::run([&] {
      queue_.put(item(1000));
      for (;;) {
        if (get(20s) == 1000) return;
      }
    });
    EXPECT_EQ(other.wait(), test::exited(0));
    EXPECT_TRUE(queue_.try_put(item(1001)));
    EXPECT_EQ(get(20s), 1001);
  }

  const Queue<std::string> queue_ = make();
  std::map<int, int> got_;
};

constexpr int kItems = 200;

class QueueStoppedPutTest : public QueueStopTest {};

TEST_P(QueueStoppedPutTest, DelaysNobodyAndArrivesLater) {
  const bool bounded = GetParam().kind == Kind::bounded;
  const Queue<int> done;
  auto putter = test::run_to_stop(GetParam().point, GetParam().visit, [&] {
    for (int i = 0; i < (bounded ? 3 : kItems); ++i) queue_.put(item(i));
    done.put(1);
  });
  expect_that_others_go_on();
  putter.kill(SIGCONT);
  EXPECT_EQ(done.get(20s), 1);
  EXPECT_EQ(putter.wait(), test::exited(0));
  while (const auto got = get()) ++got_[*got];

  for (int i = 0; i < (bounded ? 3 : kItems); ++i) EXPECT_EQ(got_[i], 1) << i;
  EXPECT_EQ(queue_.qsize(), 0U);
}

TEST_P(QueueStoppedPutTest, IsDroppedIfTheQueueIsShutDownMeanwhile) {
  const bool bounded = GetParam().kind == Kind::bounded;
  auto putter = test::run_to_stop(GetParam().point, GetParam().visit, [&] {
    try {
      for (int i = 0; i < (bounded ? 3 : kItems); ++i) queue_.put(item(i));
    } catch (const ShutDown&) {
      return;
    }
  });
  queue_.shutdown(true);
  putter.kill(SIGCONT);
  EXPECT_EQ(putter.wait(), test::exited(0));
  EXPECT_EQ(queue_.qsize(), 0U) << "nobody has looked since";
}

constexpr Case kPuts[] = {
    {"queue.attach.owned", Kind::plain},      {"queue.attach.counted", Kind::plain},
    {"queue.grow.allocated", Kind::plain},    {"queue.grow.linked", Kind::plain, 2},
    {"queue.grow.placed", Kind::plain, 2},    {"queue.put.filled", Kind::plain, 3},
    {"queue.put.published", Kind::plain, 3},  {"queue.put.counted", Kind::plain, 3},
    {"queue.put.credited", Kind::bounded, 2}, {"queue.put.published", Kind::bounded, 2},
    {"queue.put.filled", Kind::blocks, 3},    {"queue.put.noted", Kind::blocks, 3},
    {"queue.put.published", Kind::blocks, 3}, {"queue.put.settled", Kind::blocks, 3},
    {"queue.ticket.taken", Kind::joinable},   {"queue.ticket.linked", Kind::joinable, 2},
    {"queue.ticket.queued", Kind::joinable},
};
INSTANTIATE_TEST_SUITE_P(Points, QueueStoppedPutTest, testing::ValuesIn(kPuts));

class QueueStoppedGetTest : public QueueStopTest {};

TEST_P(QueueStoppedGetTest, DelaysNobodyAndHasWhatItHadClaimed) {
  const bool bounded = GetParam().kind == Kind::bounded;
  const int items = bounded ? static_cast<int>(kPlaces) : kItems;
  const Queue<int> claimed;
  for (int i = 0; i < items; ++i) queue_.put(item(i));
  auto getter = test::run_to_stop(GetParam().point, GetParam().visit, [&] {
    while (const auto got = get()) claimed.put(*got);
  });
  expect_that_others_go_on();
  getter.kill(SIGCONT);
  EXPECT_EQ(getter.wait(), test::exited(0));
  while (const auto got = claimed.try_get()) ++got_[*got];

  for (int i = 0; i < items; ++i) EXPECT_EQ(got_[i], 1) << i;
  EXPECT_EQ(queue_.qsize(), 0U);
  if (!bounded) return;
  for (std::size_t i = 0; i < kPlaces; ++i) EXPECT_TRUE(queue_.try_put(item(0)));
  EXPECT_FALSE(queue_.try_put(item(0)));
}

constexpr Case kGets[] = {
    {"queue.get.copied", Kind::plain, 2},      {"queue.get.claimed", Kind::plain, 2},
    {"queue.pass.moved", Kind::plain},         {"queue.pass.taken", Kind::plain},
    {"queue.pass.emptied", Kind::plain},       {"queue.get.copied", Kind::bounded, 2},
    {"queue.get.claimed", Kind::bounded, 2},   {"queue.get.credited", Kind::bounded, 2},
    {"queue.get.copied", Kind::blocks, 2},     {"queue.get.taken", Kind::blocks, 2},
    {"queue.get.advanced", Kind::blocks, 2},   {"queue.ticket.claimed", Kind::joinable, 2},
    {"queue.get.advanced", Kind::joinable, 2}, {"queue.ticket.held", Kind::joinable, 2},
};
INSTANTIATE_TEST_SUITE_P(Points, QueueStoppedGetTest, testing::ValuesIn(kGets));

}  // namespace
}  // namespace multiprocessing
