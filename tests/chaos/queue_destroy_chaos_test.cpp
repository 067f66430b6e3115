// Kills whoever destroys a queue, at each block that it frees, while its journal is overflowed:
// then nobody empties the places that name the freed blocks, and others use these before the queue
// is destroyed again.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using test::Child;

constexpr std::size_t kJournal = 32;

// Blocks of every size that a small queue is made of, full of what would make a wild walk.
class Filler {
 public:
  Filler() {
    for (const std::uint64_t bytes : {64U, 128U, 192U, 1024U, 1536U, 2048U, 3072U, 4096U}) {
      for (int i = 0; i < 64; ++i) {
        blocks_.push_back(shm::allocate(bytes));
        std::memset(blocks_.back().data(), kByte, shm::block_capacity(blocks_.back().ref.id));
      }
    }
  }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;
  ~Filler() {
    for (shm::Block& block : blocks_) shm::release(block);
  }
  [[nodiscard]] bool intact() const {
    for (const shm::Block& block : blocks_) {
      const std::byte* const bytes = block.data();
      for (std::uint64_t i = 0; i < shm::block_capacity(block.ref.id); ++i) {
        if (bytes[i] != std::byte{kByte}) return false;
      }
    }
    return true;
  }

 private:
  static constexpr unsigned char kByte = 0x5A;
  std::vector<shm::Block> blocks_;
};

template <class MakeAndUse>
void kill_at_each_block(MakeAndUse make_and_use) {
  const Queue<char> lender;
  (void)lender.empty();
  int deaths = 0;
  for (int visit = 1;; ++visit) {
    const std::size_t before = test::blocks_in_use();
    auto victim = Child::run([&] {
      std::vector<Loan<char>> loans;
      for (std::size_t i = 0; i < kJournal; ++i) loans.push_back(lender.loan());
      make_and_use([visit] { sys::arm_crash_point("block.take.taken", visit); });
    });
    if (victim.wait() != test::killed_by(SIGKILL)) break;
    ++deaths;
    test::expect_death_at("sweep.journal", 1, [] { (void)shm::bury_the_dead(); });
    {
      const Filler filler;
      auto survivor = Child::run([] { test::bury_all(); });
      ASSERT_EQ(survivor.wait(), test::exited(0)) << "after a death at block " << visit;
      ASSERT_TRUE(filler.intact()) << "after a death at block " << visit;
    }
    ASSERT_EQ(test::blocks_in_use(), before) << "after a death at block " << visit;
  }
  EXPECT_GE(deaths, 3);
}

TEST(QueueDestroyChaosTest, DestructionGoesOnBesideReusedBlocks) {
  kill_at_each_block([](auto arm) {
    const Queue<std::string> queue(3);
    queue.put("a");
    queue.put(std::string(5000, 'b'));
    arm();
  });
}

TEST(QueueDestroyChaosTest, DestructionOfAJoinableQueueGoesOnBesideReusedBlocks) {
  kill_at_each_block([](auto arm) {
    const JoinableQueue<std::string> queue;
    for (int i = 0; i < 70; ++i) queue.put("a");  // two pages of tickets
    (void)queue.get();
    arm();
  });
}

}  // namespace
}  // namespace multiprocessing
