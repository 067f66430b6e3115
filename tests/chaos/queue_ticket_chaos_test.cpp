// Kills processes at each point of a JoinableQueue's item: join waits for no dead one, an item is
// done or comes back, and everything else comes back, too.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ostream>
#include <string>

#include <multiprocessing/queues.hpp>

#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

constexpr int kItems = 1000;

struct Diary {
  std::array<std::atomic<int>, kItems> put{};
  std::array<std::atomic<int>, kItems> done{};
};

struct Case {
  const char* point;
  OnDeath on_death;
  bool bounded;
  friend std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.point << (c.on_death == OnDeath::requeue ? " requeue" : " count")
               << (c.bounded ? " bounded" : "");
  }
};

class QueueTicketChaosTest : public testing::TestWithParam<Case> {
 protected:
  using Texts = JoinableQueue<std::string>;

  void deal_with_one(const Texts& queue, Timeout timeout) {
    const auto text = queue.try_get(timeout);
    if (!text) return;
    diary_->done[std::stoul(*text)].fetch_add(1);
    queue.task_done();
  }
  void be_victim(const Texts& queue) {
    sys::arm_crash_point(GetParam().point, 3);
    (void)queue.qsize();  // finds what the dead have left
    if (GetParam().point == std::string("queue.ticket.found")) {
      for (int i = 0; i < 3; ++i) deal_with_one(queue, 1s);
    }
    for (int i = 0; i < kItems; i += 2) {
      for (const int item : {i, i + 1}) {
        queue.put(std::to_string(item));
        diary_->put[static_cast<std::size_t>(item)].store(1);
      }
      deal_with_one(queue, 1s);
      deal_with_one(queue, 1s);
    }
  }
  // Dies in the middle of an item, so that the next victim finds a dead one's ticket.
  static void leave_something(const Texts& queue) {
    queue.put("999");
    queue.put("999");
    queue.put("999");
    for (int i = 0; i < 3; ++i) (void)queue.get();
  }
  void check(const Texts& queue) {
    while (!queue.empty()) deal_with_one(queue, 0s);
    EXPECT_TRUE(queue.join(10s));
    int lost = 0;
    for (std::size_t i = 0; i < kItems - 1; ++i) {
      if (diary_->put[i].load() != 0 && diary_->done[i].load() == 0) ++lost;
    }
    EXPECT_LE(lost, GetParam().on_death == OnDeath::requeue ? 0 : 1);
    if (!GetParam().bounded) return;
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(queue.try_put("0"));
    EXPECT_FALSE(queue.try_put("0"));
  }

  test::Shared<Diary> diary_;
};

TEST_P(QueueTicketChaosTest, JoinReturnsAndNothingIsLost) {
  (void)shm::bury_the_dead();  // of an earlier case: the next drop lets go what they inherited
  {
    const Texts warm_up;
    warm_up.put("0");
  }
  const auto before = shm::census();
  {
    const Texts queue(GetParam().bounded ? 4 : 0, GetParam().on_death);
    auto left = Child::run([&] { leave_something(queue); });
    ASSERT_EQ(left.wait(), test::exited(0));
    auto victim = Child::run([&] { be_victim(queue); });
    ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
    check(queue);
    (void)shm::bury_the_dead();
  }
  EXPECT_EQ(shm::census().blocks, before.blocks);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* point :
       {"queue.ticket.taken", "queue.ticket.linked", "queue.ticket.queued", "queue.ticket.claimed",
        "queue.ticket.held", "queue.ticket.finishing", "queue.ticket.emptied", "queue.ticket.freed",
        "queue.get.copied", "queue.get.advanced", "queue.put.published"}) {
    for (const OnDeath on_death : {OnDeath::count_done, OnDeath::requeue}) {
      cases.push_back({point, on_death, false});
      cases.push_back({point, on_death, true});
    }
  }
  for (const char* point : {"queue.ticket.found", "queue.ticket.returned"}) {
    cases.push_back({point, OnDeath::requeue, false});
    cases.push_back({point, OnDeath::requeue, true});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Points, QueueTicketChaosTest, testing::ValuesIn(all_cases()));

// The same without a point: whatever instruction it is.
TEST(QueueTicketKillTest, KilledAtAnyMomentNothingIsLost) {
  const JoinableQueue<int> queue(8, OnDeath::requeue);
  test::Shared<Diary> diary;
  for (unsigned round = 0; round < 100; ++round) {
    auto victim = Child::run([&] {
      test::hang_up();
      for (int i = 0; i < kItems; ++i) {
        queue.put(i);
        diary->put[static_cast<std::size_t>(i)].store(1);
        diary->done[static_cast<std::size_t>(queue.get())].fetch_add(1);
        queue.task_done();
      }
      test::hang_up_and_wait();
    });
    victim.await_hang_up();
    ::usleep(round * 11);  // any moment will do, a later one each round
    victim.kill(SIGKILL);
    (void)victim.wait();
    while (!queue.empty()) {
      diary->done[static_cast<std::size_t>(queue.get(5s))].fetch_add(1);
      queue.task_done();
    }
    ASSERT_TRUE(queue.join(10s));
    for (std::size_t i = 0; i < kItems; ++i) {
      ASSERT_GE(diary->done[i].load(), diary->put[i].load()) << i << " in round " << round;
      diary->done[i].store(0);
      diary->put[i].store(0);
    }
  }
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(queue.try_put(i));
  EXPECT_FALSE(queue.try_put(0));
}

}  // namespace
}  // namespace multiprocessing
