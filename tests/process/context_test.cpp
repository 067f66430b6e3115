// Contexts and the default start method.

#include <multiprocessing/context.hpp>

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "process/start_method.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

using test::require;

// The default is set once in a program; whatever has settled it in this one.
void in_a_program(const std::function<void()>& body) {
  auto program = test::Child::run([&] {
    process::set_inherited_method(-1);
    body();
  });
  EXPECT_EQ(program.wait(), test::exited(0));
}

template <class F>
bool refused(F f, const std::string& reason) {
  try {
    f();
  } catch (const ValueError& error) {
    return std::string(error.what()).find(reason) != std::string::npos;
  }
  return false;
}

TEST(ContextTest, NamesGiveContexts) {
  EXPECT_EQ(get_context("fork").get_start_method(), StartMethod::fork);
  EXPECT_EQ(get_context("forkserver").get_start_method(), StartMethod::forkserver);
  EXPECT_EQ(get_context("spawn").get_start_method(), StartMethod::spawn);
  EXPECT_EQ(get_context("spawn"), get_context(StartMethod::spawn));
}

TEST(ContextTest, UnknownNameIsRefusedWithThoseThereAre) {
  EXPECT_TRUE(refused([] { (void)get_context("thread"); },
                      "cannot find context for 'thread': there are fork, forkserver and spawn"));
}

TEST(ContextTest, ContextOfOneMethodIsItsOwnContextAndStaysSo) {
  const Context ctx = get_context(StartMethod::spawn);

  EXPECT_EQ(ctx.get_context(), ctx);
  EXPECT_TRUE(refused([&] { ctx.set_start_method(StartMethod::fork); }, "'spawn' for good"));
  EXPECT_TRUE(refused([&] { ctx.set_start_method(StartMethod::fork, true); }, "'spawn' for good"));
}

TEST(ContextTest, AllMethodsAreListedTheDefaultFirst) {
  EXPECT_EQ(get_all_start_methods(),
            (std::vector{StartMethod::fork, StartMethod::forkserver, StartMethod::spawn}));
}

TEST(ContextTest, DefaultIsForkOnceAskedFor) {
  in_a_program([] {
    require(get_start_method() == StartMethod::fork);
    require(refused([] { set_start_method(StartMethod::spawn); }, "already been set, to 'fork'"));
  });
}

TEST(ContextTest, DefaultIsSetOnceUnlessForced) {
  in_a_program([] {
    set_start_method(StartMethod::spawn);
    require(refused([] { set_start_method(StartMethod::fork); }, "already been set, to 'spawn'"));
    require(get_context().get_start_method() == StartMethod::spawn);
    get_context().set_start_method(StartMethod::forkserver, true);
    require(get_start_method() == StartMethod::forkserver);
  });
}

TEST(ContextTest, ContextOfOneMethodDoesNotSettleTheDefault) {
  in_a_program([] {
    const Context ctx = get_context(StartMethod::fork);
    auto process = ctx.Process([] {});
    process.start();
    process.join();
    set_start_method(StartMethod::spawn);
    require(get_start_method() == StartMethod::spawn);
  });
}

TEST(ContextTest, StartingAProcessSettlesTheDefault) {
  in_a_program([] {
    Process process([] {});
    process.start();
    process.join();
    require(refused([] { set_start_method(StartMethod::spawn); }, "already been set, to 'fork'"));
  });
}

TEST(ContextTest, ChildHasTheDefaultOfItsParentUnderEachMethod) {
  for (const StartMethod method : get_all_start_methods()) {
    in_a_program([method] {
      set_start_method(method);
      const Queue<StartMethod> queue;
      Process process([](const Queue<StartMethod>& to) { to.put(get_start_method()); }, queue);
      process.start();
      require(process.join() && process.exitcode() == 0);
      require(queue.get() == method);
    });
  }
}

TEST(ContextTest, QueueOfOneContextWorksInProcessesOfTheOthers) {
  const auto queue = get_context(StartMethod::fork).Queue<int>();
  for (const StartMethod method : get_all_start_methods()) {
    auto process = get_context(method).Process([](const Queue<int>& to) { to.put(1); }, queue);
    process.start();
    EXPECT_TRUE(process.join());
    EXPECT_EQ(queue.get(), 1);
  }
}

TEST(ContextTest, MakesEverythingThatHasAContext) {
  const Context ctx = get_context("forkserver");
  const auto lock = ctx.RLock();

  EXPECT_TRUE(ctx.Lock().acquire());
  EXPECT_TRUE(lock.acquire(0ms));
  EXPECT_TRUE(ctx.Semaphore(2).acquire());
  EXPECT_TRUE(ctx.BoundedSemaphore().acquire());
  EXPECT_FALSE(ctx.Event().is_set());
  EXPECT_EQ(ctx.Barrier(3).parties(), 3);
  ctx.Condition(lock).notify_all();
  EXPECT_TRUE(ctx.Queue<std::string>(3).empty());
  EXPECT_TRUE(ctx.SimpleQueue<int>().empty());
  EXPECT_EQ(ctx.JoinableQueue<int>(2).qsize(), 0U);
  const auto [here, there] = ctx.Pipe();
  here.send(5);
  EXPECT_EQ(there.recv<int>(), 5);
  const auto [reader, writer] = ctx.Pipe<std::string>(false);
  writer.send("typed");
  EXPECT_EQ(reader.recv(), "typed");
  EXPECT_EQ(ctx.Value(3.5).get(), 3.5);
  EXPECT_EQ(ctx.Value<int>(4, lock).get(), 4);
  EXPECT_EQ(ctx.RawValue<int>().get(), 0);
  EXPECT_EQ(ctx.Array<int>(5).size(), 5U);
  EXPECT_EQ(ctx.Array({1, 2, 3})[2], 3);
  EXPECT_EQ(ctx.Array(range(4))[3], 3);
  EXPECT_EQ(ctx.RawArray<char>(2).size(), 2U);
  EXPECT_GE(ctx.cpu_count(), 1);
  EXPECT_EQ(&ctx.current_process(), &current_process());
  EXPECT_FALSE(ctx.parent_process().has_value());
  lock.release();
}

}  // namespace
}  // namespace multiprocessing
