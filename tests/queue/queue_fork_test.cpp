// A fork while another thread is in a call: the child has a copy of whatever stood there.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <thread>

#include <multiprocessing/queues.hpp>

#include "support/child.hpp"

namespace {

enum class Stage { before, freed, forked };

thread_local bool stops_behind_free = false;
std::atomic<Stage> stage{Stage::before};
std::atomic<std::uintptr_t> freed{0};

// Called with what has just been freed: waits there for the fork, once in each thread that asks.
void behind_free(std::uintptr_t memory) noexcept {
  if (!stops_behind_free) return;
  stops_behind_free = false;
  freed.store(memory);
  stage.store(Stage::freed);
  stage.notify_all();
  stage.wait(Stage::freed);
}

}  // namespace

// NOLINTBEGIN(cppcoreguidelines-no-malloc): they are what new and delete are made of. Not inlined:
// GCC would compare what is inside one with what is outside the other.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  auto again = reinterpret_cast<std::uintptr_t>(memory);
  (void)freed.compare_exchange_strong(again, 0);
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  multiprocessing::test::require(address == 0 || address != freed.load());  // freed twice
  std::free(memory);
  behind_free(address);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

TEST(QueueForkTest, ChildForkedWhileAnotherThreadTakesSomethingInHandHasItsHandsFree) {
  const JoinableQueue<int> queue;
  for (int i = 0; i < 20; ++i) queue.put(i);
  (void)queue.get();  // by this thread: the other one finds one in hand
  std::thread other([&] {
    stops_behind_free = true;
    for (int i = 1; i < 8; ++i) (void)queue.get();
    queue.task_done();
    stops_behind_free = false;
    auto before = Stage::before;  // nothing was freed in any of these
    if (stage.compare_exchange_strong(before, Stage::freed)) stage.notify_all();
  });
  stage.wait(Stage::before);

  auto child = Child::run([&] {
    for (int i = 0; i < 8; ++i) (void)queue.get(5s);
    for (int i = 0; i < 8; ++i) queue.task_done();
  });
  EXPECT_EQ(child.wait(), test::exited(0));
  stage.store(Stage::forked);
  stage.notify_all();
  other.join();
}

}  // namespace
}  // namespace multiprocessing
