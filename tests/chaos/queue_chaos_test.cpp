// Kills a process at each point named in lib/queue, and checks what survives: no item that was put
// is lost (but the one that the dead was getting), none comes twice, every place and block comes
// back.

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

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

constexpr std::uint32_t kVictims = 20'000;   // items 0.. are the victim's
constexpr std::uint32_t kItems = 1'000'000;  // the others are the survivors'

// What the processes tell each other past the queue.
struct Diary {
  std::array<std::atomic<std::uint8_t>, kItems> put{};
  std::array<std::atomic<std::uint8_t>, kItems> got{};
  std::atomic<bool> stop{false};
};

enum class Kind { plain, bounded, blocks, bounded_blocks, handles };

struct Case {
  const char* point;
  Kind kind;
  bool may_lose;  // the victim has claimed an item at that point
  int visit = 1;
  bool company = false;  // somebody else must be there for it to be passed
  friend std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.point << " kind " << static_cast<int>(c.kind) << " visit " << c.visit;
  }
};

using Numbers = Queue<std::uint32_t>;
using Texts = Queue<std::string>;
using Mail = Queue<std::pair<std::uint32_t, Queue<int>>>;

// A queue of any of the kinds, with items that are numbers to the test.
class Box {
 public:
  static constexpr std::size_t kPlaces = 8;

  explicit Box(Kind kind)
      : kind_(kind), numbers_(bounded() ? kPlaces : 0), texts_(bounded() ? kPlaces : 0) {}

  [[nodiscard]] bool bounded() const {
    return kind_ == Kind::bounded || kind_ == Kind::bounded_blocks;
  }
  bool put(std::uint32_t item, Timeout timeout = {}) const {
    switch (kind_) {
      case Kind::plain:
      case Kind::bounded:
        return numbers_.try_put(item, timeout);
      case Kind::handles:
        return mail_.try_put({item, enclosed_}, timeout);
      default:
        return texts_.try_put(std::string(3000, 'x') + std::to_string(item), timeout);
    }
  }
  std::optional<std::uint32_t> get(Timeout timeout = Timeout::zero()) const {
    switch (kind_) {
      case Kind::plain:
      case Kind::bounded:
        return numbers_.try_get(timeout);
      case Kind::handles: {
        auto letter = mail_.try_get(timeout);
        return letter ? std::optional(letter->first) : std::nullopt;
      }
      default: {
        auto text = texts_.try_get(timeout);
        if (!text) return std::nullopt;
        return static_cast<std::uint32_t>(std::stoul(text->substr(3000)));
      }
    }
  }
  [[nodiscard]] std::size_t qsize() const {
    return numbers_.qsize() + texts_.qsize() + mail_.qsize();
  }
  [[nodiscard]] bool empty() const { return numbers_.empty() && texts_.empty() && mail_.empty(); }

 private:
  Kind kind_;
  Numbers numbers_;
  Texts texts_;
  Mail mail_;
  Queue<int> enclosed_;
};

class QueueChaosTest : public testing::TestWithParam<Case> {
 protected:
  bool put(std::uint32_t item, Timeout timeout = 20s) {
    if (!box_.put(item, timeout)) return false;
    diary_->put[item].store(1);
    return true;
  }
  bool get(Timeout timeout = Timeout::zero()) {
    const auto item = box_.get(timeout);
    if (item) diary_->got[*item].fetch_add(1);
    return item.has_value();
  }

  // Passes every point sooner or later.
  void be_victim(std::uint32_t items = kVictims) {
    sys::arm_crash_point(GetParam().point, GetParam().visit);
    const std::uint32_t puts = GetParam().kind == Kind::plain ? 150 : Box::kPlaces / 2;
    for (std::uint32_t item = 0; item + puts < items;) {
      ::usleep(500);  // a survivor falls asleep
      for (std::uint32_t i = 0; i < puts; ++i) require(put(item++));
      for (std::uint32_t i = 0; i < puts && get(); ++i) {
      }
      while (get(1ms)) {
      }
    }
  }

  // Number `which` of `all`, each with items of its own.
  void be_survivor(std::uint32_t which = 0, std::uint32_t all = 1) {
    constexpr std::uint32_t kTheirs = kItems - 10 - kVictims;
    std::uint32_t item = kVictims + which * (kTheirs / all);
    const std::uint32_t end = item + kTheirs / all;
    while (!diary_->stop.load()) {
      (void)get(3ms);
      if (item < end && put(item, Timeout::zero())) ++item;
      (void)get();
    }
  }

  // As many as five processes at once need: their table stays.
  void make_lanes() {
    std::vector<Child> all;
    for (std::uint32_t i = 0; i < 6; ++i) {
      all.push_back(Child::run([this, i] {
        require(put(kItems - 10 + i));
        test::hang_up_and_wait();
      }));
      all.back().await_hang_up();
      EXPECT_TRUE(get());
    }
    for (Child& child : all) child.kill(SIGKILL);
    for (Child& child : all) EXPECT_EQ(child.wait(), test::killed_by(SIGKILL));
    (void)shm::bury_the_dead();
  }

  void forget_items() {
    diary_->stop.store(false);
    for (auto& count : diary_->got) count.store(0, std::memory_order_relaxed);
    for (auto& count : diary_->put) count.store(0, std::memory_order_relaxed);
  }

  // After the parent and a child that is gone have used the queue: what it may keep.
  std::uint64_t blocks_at_rest() {
    EXPECT_TRUE(put(kItems - 1));
    EXPECT_TRUE(get());
    auto child = Child::run([&] {
      for (std::uint32_t i = kItems - 10; i < kItems - 5; ++i) require(put(i));
      for (std::uint32_t i = kItems - 10; i < kItems - 5; ++i) require(get());
    });
    EXPECT_EQ(child.wait(), test::exited(0));
    (void)shm::bury_the_dead();
    EXPECT_TRUE(box_.empty());
    return shm::census().blocks;
  }

  void check_what_is_left(bool killed) {
    while (get()) {
    }
    int lost = 0;
    for (std::uint32_t i = 0; i < kItems - 10; ++i) {
      ASSERT_LE(diary_->got[i].load(), 1) << "item " << i << " came twice";
      if (diary_->put[i].load() != 0 && diary_->got[i].load() == 0) ++lost;
    }
    EXPECT_LE(lost, killed && GetParam().may_lose ? 1 : 0);
    EXPECT_EQ(box_.qsize(), 0U);
    if (!box_.bounded()) return;
    for (std::uint32_t i = 0; i < Box::kPlaces; ++i) ASSERT_TRUE(box_.put(i, Timeout::zero())) << i;
    EXPECT_FALSE(box_.put(0, Timeout::zero()));
    for (std::uint32_t i = 0; i < Box::kPlaces; ++i) ASSERT_EQ(box_.get(), i);
  }

  test::Shared<Diary> diary_;
  Box box_{GetParam().kind};
};

TEST_P(QueueChaosTest, AloneNothingIsLostAndEverythingComesBack) {
  if (GetParam().company) GTEST_SKIP() << "passed only in company";
  const std::uint64_t before = blocks_at_rest();
  auto left = Child::run([&] { require(put(kItems - 2)); });  // a lane that the victim gives back
  ASSERT_EQ(left.wait(), test::exited(0));
  (void)shm::bury_the_dead();

  auto victim = Child::run([&] { be_victim(3000); });

  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
  (void)shm::bury_the_dead();
  check_what_is_left(true);
  EXPECT_EQ(blocks_at_rest(), before);
}

TEST_P(QueueChaosTest, SurvivorsGoOnAndNothingIsLost) {
  const std::uint64_t before = blocks_at_rest();
  auto survivor = Child::run([&] { be_survivor(); });
  auto victim = Child::run([&] { be_victim(3000); });

  const test::Status end = victim.wait();
  ::usleep(20'000);  // the survivor goes on awhile
  diary_->stop.store(true);

  ASSERT_EQ(survivor.wait(), test::exited(0));
  if (GetParam().company) {
    ASSERT_EQ(end, test::killed_by(SIGKILL));
  }
  (void)shm::bury_the_dead();
  check_what_is_left(end == test::killed_by(SIGKILL));
  EXPECT_EQ(blocks_at_rest(), before);
}

TEST_P(QueueChaosTest, ThreeSurvivorsGoOnEachTimeOfTwenty) {
  make_lanes();
  const std::uint64_t before = blocks_at_rest();
  for (int round = 0; round < 20; ++round) {
    forget_items();
    std::array survivors{Child::run([&] { be_survivor(0, 3); }),
                         Child::run([&] { be_survivor(1, 3); }),
                         Child::run([&] { be_survivor(2, 3); })};
    auto victim = Child::run([&] { be_victim(600); });

    const test::Status end = victim.wait();
    diary_->stop.store(true);
    for (Child& survivor : survivors) ASSERT_EQ(survivor.wait(), test::exited(0)) << round;
    (void)shm::bury_the_dead();
    ASSERT_NO_FATAL_FAILURE(check_what_is_left(end == test::killed_by(SIGKILL))) << round;
    ASSERT_EQ(blocks_at_rest(), before) << round;
  }
}

constexpr Case kCases[] = {
    {"queue.attach.owned", Kind::plain, false},
    {"queue.attach.counted", Kind::bounded, false},
    {"queue.grow.allocated", Kind::plain, false},
    {"queue.grow.linked", Kind::plain, false},
    {"queue.grow.placed", Kind::plain, false},
    {"queue.grow.allocated", Kind::plain, false, 2},
    {"queue.grow.linked", Kind::plain, false, 2},
    {"queue.grow.placed", Kind::plain, false, 2},
    {"queue.put.credited", Kind::bounded, false},
    {"queue.put.credited", Kind::bounded_blocks, false, 7},
    {"queue.put.filled", Kind::plain, false, 130},
    {"queue.put.filled", Kind::bounded, false, 2},
    {"queue.put.filled", Kind::blocks, false, 5},
    {"queue.put.filled", Kind::handles, false, 5},
    {"queue.put.noted", Kind::blocks, false, 3},
    {"queue.put.noted", Kind::bounded_blocks, false, 6},
    {"queue.put.noted", Kind::handles, false, 3},
    {"queue.put.published", Kind::plain, false, 127},
    {"queue.put.published", Kind::bounded, false, 9},
    {"queue.put.published", Kind::blocks, false, 3},
    {"queue.put.published", Kind::handles, false, 3},
    {"queue.put.counted", Kind::plain, false, 200},
    {"queue.put.counted", Kind::bounded_blocks, false, 3},
    {"queue.put.settled", Kind::blocks, false, 3},
    {"queue.put.settled", Kind::handles, false, 3},
    {"queue.get.copied", Kind::plain, false, 3},
    {"queue.get.copied", Kind::bounded, false, 3},
    {"queue.get.copied", Kind::bounded_blocks, false, 3},
    {"queue.get.claimed", Kind::plain, true, 3},
    {"queue.get.claimed", Kind::bounded, true, 3},
    {"queue.get.taken", Kind::blocks, true, 3},
    {"queue.get.taken", Kind::bounded_blocks, true, 3},
    {"queue.get.taken", Kind::handles, true, 3},
    {"queue.get.advanced", Kind::blocks, true, 3},
    {"queue.get.advanced", Kind::bounded_blocks, true, 3},
    {"queue.get.credited", Kind::bounded, true, 3},
    {"queue.get.credited", Kind::bounded_blocks, true, 3},
    {"queue.pass.moved", Kind::plain, false},
    {"queue.pass.taken", Kind::plain, false},
    {"queue.pass.emptied", Kind::plain, false},
    {"queue.vacate.owned", Kind::plain, false},
    {"queue.vacate.moved", Kind::blocks, false},
    {"queue.vacate.emptied", Kind::bounded, false},
    {"queue.sleep.announced", Kind::plain, false},
    {"queue.sleep.announced", Kind::bounded, false, 3},
    {"queue.sleep.fenced", Kind::plain, false},
    {"queue.sleep.fenced", Kind::blocks, false},
    {"queue.wake.cleared", Kind::plain, false, 1, true},
    {"queue.wake.cleared", Kind::bounded_blocks, false, 1, true},
};
INSTANTIATE_TEST_SUITE_P(Points, QueueChaosTest, testing::ValuesIn(kCases));

// The same without a point: whatever instruction it is.
class QueueKillTest : public QueueChaosTest {};

TEST_P(QueueKillTest, KilledAtAnyMomentNothingIsLostAndEverythingComesBack) {
  const std::uint64_t before = blocks_at_rest();
  for (unsigned round = 0; round < 25; ++round) {
    forget_items();
    auto survivor = Child::run([&] { be_survivor(); });
    auto victim = Child::run([&] {
      test::hang_up();
      be_victim();
      test::hang_up_and_wait();
    });
    victim.await_hang_up();
    ::usleep(500 + round * 137);  // any moment will do, another one each round
    victim.kill(SIGKILL);
    (void)victim.wait();
    diary_->stop.store(true);
    ASSERT_EQ(survivor.wait(), test::exited(0));
    (void)shm::bury_the_dead();
    ASSERT_NO_FATAL_FAILURE(check_what_is_left(true)) << round;
    ASSERT_EQ(blocks_at_rest(), before) << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, QueueKillTest,
                         testing::Values(Case{"none", Kind::plain, true},
                                         Case{"none", Kind::bounded, true},
                                         Case{"none", Kind::blocks, true},
                                         Case{"none", Kind::bounded_blocks, true},
                                         Case{"none", Kind::handles, true}));

}  // namespace
}  // namespace multiprocessing
