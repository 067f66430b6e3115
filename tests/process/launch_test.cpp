// The floor below Process, as a pool's keeper uses it.

#include "process/launch.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>

#include "process/gate.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/fd_snapshot.hpp"
#include "sys/calls.hpp"

namespace multiprocessing::process {
namespace {

using test::require;

TEST(LaunchTest, BodysReturnIsTheExitCode) {
  const Launched child = launch({.title = "body"}, [] {
    require(current_process().name() == "body" && !current_process().daemon());
    return 6;
  });

  EXPECT_TRUE(child.wait());
  EXPECT_EQ(child.poll_exit(), 6);
}

TEST(LaunchTest, EndedChildsNameIsDead) {
  const Launched child = launch({.title = "dead"}, [] { return 0; });
  EXPECT_NE(child.name(), shm::self());
  child.wait();

  EXPECT_FALSE(shm::is_live(child.name()));
}

TEST(LaunchTest, ChildOfAKilledProcessEndsByTheLifePipe) {
  const int life = own_life_pipe_read_end();
  test::Gate held;
  auto program = test::Child::run([&] {
    const Launched child =
        launch({.title = "bound", .life_pipe_read_fd = own_life_pipe_read_end()}, [&] {
          held.open();
          test::sleep_for_ever();
          return 0;
        });
    test::sleep_for_ever();
  });
  held.pass();
  EXPECT_FALSE(test::is_readable(life)) << "this process lives";

  program.kill(SIGKILL);

  EXPECT_EQ(held.rest(), "");
}

TEST(LaunchTest, WorkerForkedByAKeeperIsAChildOfItsOwner) {
  test::Gate end;
  test::Gate up;
  const int life = own_life_pipe_read_end();
  const shm::Name owner = shm::self();
  const pid_t owner_pid = ::getpid();
  const Launched keeper = launch({.title = "keeper", .life_pipe_read_fd = life}, [&] {
    const LaunchOptions worker{.title = "worker",
                               .parent = owner,
                               .life_pipe_read_fd = life,
                               .ignore_sigint = true,
                               .listed_worker = true};
    const Launched launched = launch(worker, [&] {
      std::raise(SIGINT);
      require(parent_process()->pid() == owner_pid && parent_process()->is_alive());
      require(parent_process()->name() == "MainProcess");
      up.open();
      end.pass();
      return 4;
    });
    launched.wait();
    return launched.poll_exit().value();
  });
  up.pass();

  const auto children = active_children();
  ASSERT_EQ(children.size(), 1U);
  EXPECT_EQ(children[0].name(), "worker");
  EXPECT_EQ(children[0].exitcode(), std::nullopt);

  end.open();
  EXPECT_TRUE(children[0].join());
  EXPECT_EQ(children[0].exitcode(), 4);
  keeper.wait();
  EXPECT_EQ(keeper.poll_exit(), 4);
}

// A keeper of `owner` with one worker, which says when it is up.
void keep_a_worker(shm::Name owner, int life, const test::Gate& up) {
  const Launched keeper = launch({.title = "keeper", .life_pipe_read_fd = life}, [&] {
    const Launched worker =
        launch({.title = "worker", .parent = owner, .life_pipe_read_fd = life}, [&] {
          up.open();
          test::sleep_for_ever();
          return 0;
        });
    up.open();
    test::sleep_for_ever();
    return 0;
  });
  up.pass();
  up.pass();
  keeper.send_signal(SIGKILL);
  keeper.wait();
}

TEST(LaunchTest, WorkerOutlivesItsKeeperButNotItsOwner) {
  test::Gate held;
  test::Gate told;
  auto owner = test::Child::run([&] {
    keep_a_worker(shm::self(), own_life_pipe_read_end(), held);
    told.open();
    test::sleep_for_ever();
  });
  told.pass();
  held.close_writer();
  EXPECT_FALSE(test::is_readable(held.reader())) << "the worker should live";

  owner.kill(SIGKILL);

  EXPECT_EQ(held.rest(), "");
}

TEST(LaunchTest, RefusedForkLeavesNothingAndCanBeTriedAgain) {
  Process process([] {});
  (void)active_children();
  (void)own_life_pipe_read_end();
  const test::FdSnapshot before;

  {
    const sys::ScopedCall refused(&sys::Calls::fork, []() -> pid_t {
      errno = EAGAIN;
      return -1;
    });
    EXPECT_THROW(process.start(), std::system_error);
  }

  EXPECT_EQ(test::FdSnapshot(), before);
  process.start();
  EXPECT_TRUE(process.join());
}

TEST(LaunchTest, ChildWithoutAPidfdIsKilledAndReaped) {
  (void)own_life_pipe_read_end();
  const test::FdSnapshot before;

  {
    const sys::ScopedCall refused(&sys::Calls::pidfd_open, [](pid_t, unsigned) {
      errno = EMFILE;
      return -1;
    });
    EXPECT_THROW(Process(test::sleep_for_ever).start(), std::system_error);
  }

  EXPECT_EQ(test::FdSnapshot(), before);
}

TEST(LaunchTest, ChildIsNotWaitedForAtExit) {
  auto program = test::Child::run([] {
    const Launched child = launch({.title = "left"}, [] {
      test::sleep_for_ever();
      return 0;
    });
    std::atexit([] {});
    child.send_signal(0);
    if (::fork() == 0) {  // outlives the program, and ends what it left
      const int killed = child.pidfd();
      require(killed >= 0);
      child.send_signal(SIGKILL);
      ::_exit(0);
    }
    std::exit(2);
  });

  EXPECT_EQ(program.wait(), test::exited(2));
}

}  // namespace
}  // namespace multiprocessing::process
