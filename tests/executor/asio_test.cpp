// Futures within Boost.Asio.

#include <multiprocessing/asio.hpp>
#include <multiprocessing/synchronize.hpp>

#include <sys/types.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace multiprocessing {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;

int square(int x) {
  if (x < 0) throw std::out_of_range("a negative number");
  return x * x;
}
void nothing() {}
int die() {
  ::kill(::getpid(), SIGKILL);
  return 0;
}

asio::awaitable<void> use(Executor& executor, std::string& log) {
  log += std::to_string(co_await async_wait(executor.submit(square, 7), use_awaitable));
  co_await async_wait(executor.submit(nothing), use_awaitable);
  try {
    (void)co_await async_wait(executor.submit(square, -1), use_awaitable);
  } catch (const std::out_of_range& error) {
    log += std::string(", ") + error.what();
  }
}

std::string told_by(Executor& executor) {
  std::string log;
  asio::io_context context;
  asio::co_spawn(context, use(executor, log), asio::detached);
  context.run();
  return log;
}

TEST(AsioTest, CoroutinesGetResultsAndExceptions) {
  ThreadPoolExecutor threads(2);
  EXPECT_EQ(told_by(threads), "49, a negative number");

  ProcessPoolExecutor processes(2);
  EXPECT_EQ(told_by(processes), "49, a negative number");
}

TEST(AsioTest, HandlerRunsInTheContextAndNeverWithinTheCall) {
  asio::io_context context;
  SerialExecutor executor;
  const Future<int> done = executor.submit(square, 3);
  std::thread::id thread;
  int got = 0;

  async_wait(done,
             asio::bind_executor(context.get_executor(), [&](std::exception_ptr error, int x) {
               EXPECT_FALSE(error);
               got = x;
               thread = std::this_thread::get_id();
             }));
  EXPECT_EQ(got, 0);
  std::thread runner([&] { context.run(); });
  const std::thread::id wanted = runner.get_id();
  runner.join();

  EXPECT_EQ(got, 9);
  EXPECT_EQ(thread, wanted);
}

// The context has nothing else to do, and does not return before the task has ended.
TEST(AsioTest, ContextRunsUntilTheTaskIsDone) {
  asio::io_context context;
  ProcessPoolExecutor executor(1);
  const Event go;
  bool called = false;
  const auto future = executor.submit([](const Event& event) { event.wait(); }, go);
  async_wait(future, asio::bind_executor(context, [&](std::exception_ptr) { called = true; }));

  EXPECT_EQ(context.poll(), 0U);
  EXPECT_FALSE(context.stopped());
  go.set();
  context.run();

  EXPECT_TRUE(called);
}

TEST(AsioTest, DeathOfTheWorkerAndACancelledFutureAreExceptions) {
  ProcessPoolExecutor executor(1);
  EXPECT_THROW(async_wait(executor.submit(die), asio::use_future).get(), WorkerDied);

  ThreadPoolExecutor threads(1);
  const Event go;
  const auto first = threads.submit([&] { go.wait(); });
  auto second = threads.submit(square, 2);
  auto waiting = async_wait(second, asio::use_future);
  EXPECT_TRUE(second.cancel());
  go.set();
  EXPECT_THROW(waiting.get(), CancelledError);
}

}  // namespace
}  // namespace multiprocessing
