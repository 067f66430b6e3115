// An item of a JoinableQueue that was got without a byte of heap left can be done all the same.

#include <cstdlib>
#include <new>

#include <gtest/gtest.h>
#include <multiprocessing/queues.hpp>

namespace {
thread_local bool no_memory = false;
}  // namespace

// NOLINTBEGIN(cppcoreguidelines-no-malloc): they are what new and delete are made of. Not inlined:
// GCC would compare what is inside one with what is outside the other.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* const memory = no_memory ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)

namespace multiprocessing {
namespace {

class JoinableMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    queue_.put(1);
    (void)queue_.get();  // so that what is made once is there
    queue_.task_done();
    queue_.put(42);
  }
  void TearDown() override { no_memory = false; }

  void expect_that_it_can_be_done() const {
    EXPECT_FALSE(queue_.join(Timeout::zero()));
    queue_.task_done();
    EXPECT_TRUE(queue_.join(Timeout::zero()));
    EXPECT_THROW(queue_.task_done(), ValueError);
  }

  const JoinableQueue<int> queue_;
};

TEST_F(JoinableMemoryTest, ItemThatWasGotCanBeDone) {
  no_memory = true;
  const int item = queue_.get();
  no_memory = false;

  EXPECT_EQ(item, 42);
  expect_that_it_can_be_done();
}

TEST_F(JoinableMemoryTest, ItemThatWasViewedCanBeDone) {
  {
    const View<int> view = queue_.get_view();
    EXPECT_EQ(view[0], 42);
    no_memory = true;
  }
  no_memory = false;

  expect_that_it_can_be_done();
}

}  // namespace
}  // namespace multiprocessing
