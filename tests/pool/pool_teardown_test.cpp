// The end of pools and executors with a hundred tasks queued and running, wherever it comes: it is
// bounded by a second, and leaves nobody.

#include <multiprocessing/futures.hpp>
#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "support/child.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void defy_signals(const Event& begun) {
  ::signal(SIGTERM, SIG_IGN);
  begun.set();
  test::spin();
}

void burden(Pool& pool, const Event& begun) {
  for (int i = 0; i < 100; ++i) (void)pool.apply_async(defy_signals, begun);
  begun.wait();
}
void burden(ProcessPoolExecutor& executor, const Event& begun) {
  for (int i = 0; i < 100; ++i) (void)executor.submit(defy_signals, begun);
  begun.wait();
}

class TeardownTest : public testing::Test {
 protected:
  // Runs `body` in a program of its own, which says when its end begins.
  template <class F>
  void expect_quick_end(F body) {
    auto program = test::Child::run([&] { body(); });
    alive_.write.reset();
    program.await_hang_up();
    const auto start = Clock::now();

    EXPECT_EQ(program.wait(), test::exited(0));
    EXPECT_EQ(sys::wait_readable(alive_.read.get()), sys::Ready::yes) << "nobody is left";
    EXPECT_LT(Clock::now() - start, 2s);
  }

  sys::Pipe alive_ = sys::make_pipe();
};

TEST_F(TeardownTest, APoolAtTheEndOfItsScope) {
  expect_quick_end([] {
    const Event begun;
    {
      Pool pool(2);
      burden(pool, begun);
      test::hang_up();
    }
    test::require(active_children().empty());
  });
}

TEST_F(TeardownTest, APoolInAnotherThread) {
  expect_quick_end([] {
    const Event begun;
    auto pool = std::make_unique<Pool>(2);
    burden(*pool, begun);
    test::hang_up();
    std::thread([&] { pool.reset(); }).join();
    test::require(active_children().empty());
  });
}

template <class P>
void unwind() {
  const Event begun;
  try {
    P pool(2);
    burden(pool, begun);
    test::hang_up();
    throw std::runtime_error("unwinds");
  } catch (const std::runtime_error&) {
    test::require(active_children().empty());
  }
}

TEST_F(TeardownTest, APoolWhileAnExceptionUnwinds) {
  expect_quick_end(unwind<Pool>);
}
TEST_F(TeardownTest, AnExecutorWhileAnExceptionUnwinds) {
  expect_quick_end(unwind<ProcessPoolExecutor>);
}

template <class P>
void leave_to_the_end() {
  const Event begun;
  static P pool(2);
  burden(pool, begun);
  test::hang_up();
  std::exit(0);
}

TEST_F(TeardownTest, AStaticPoolAtTheEndOfTheProgram) {
  expect_quick_end(leave_to_the_end<Pool>);
}
TEST_F(TeardownTest, AStaticExecutorAtTheEndOfTheProgram) {
  expect_quick_end(leave_to_the_end<ProcessPoolExecutor>);
}

void nest(int depth, const Event& inside) {
  if (depth == 0) defy_signals(inside);
  Pool inner(2);
  inner.apply(nest, depth - 1, inside);
}

TEST_F(TeardownTest, PoolsInPoolsInPoolsWhoseRootIsKilled) {
  const Event inside;
  auto root = test::Child::run([&] { nest(3, inside); });
  alive_.write.reset();
  inside.wait();
  const auto start = Clock::now();

  root.kill(SIGKILL);

  EXPECT_EQ(sys::wait_readable(alive_.read.get()), sys::Ready::yes) << "nobody is left";
  EXPECT_LT(Clock::now() - start, 2s);
}

}  // namespace
}  // namespace multiprocessing
