// Several processes: who holds an end, and what its closing and its death mean to the others.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include "connection/ends.hpp"
#include "shm/block.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::at_end;
using test::broken;
using test::Child;
using test::require;

TEST(ConnectionProcessTest, AChildEchoesWhatItReceives) {
  auto [here, there] = Pipe();
  Process child([there] {
    for (;;) {
      const auto message = there.recv_bytes();
      if (message.empty()) return;
      there.send_bytes(message);
    }
  });
  child.start();
  there.close();
  for (const std::size_t size : {1U, 100U, 5000U, 2'000'000U}) {
    const std::vector<std::byte> message(size, std::byte{7});
    here.send_bytes(message);
    EXPECT_EQ(here.recv_bytes(), message);
  }
  here.send_bytes("");
  EXPECT_TRUE(child.join(20s));
  EXPECT_TRUE(at_end(here));
}

TEST(ConnectionProcessTest, TheEndComesWhenTheChildIsKilledAndWhatItSentBefore) {
  auto [here, there] = Pipe();
  auto child = Child::run([there] {
    there.send(1);
    there.send(std::string(5000, 'x'));
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  there.close();
  child.kill(SIGKILL);

  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_EQ(here.recv<std::string>(), std::string(5000, 'x'));
  EXPECT_TRUE(at_end(here));
  EXPECT_TRUE(broken(here));
}

TEST(ConnectionProcessTest, SendingToTheKilledFailsAtOnceAfterItWasReaped) {
  auto [here, there] = Pipe();
  auto child = Child::run([] { test::hang_up_and_wait(); });
  child.await_hang_up();
  there.close();
  here.send(1);
  child.kill(SIGKILL);
  (void)child.wait();
  EXPECT_TRUE(broken(here));
}

TEST(ConnectionProcessTest, PollingWithoutWaitingSeesTheDeath) {
  auto [here, there] = Pipe();
  auto child = Child::run([] { test::hang_up_and_wait(); });
  child.await_hang_up();
  there.close();
  EXPECT_FALSE(here.poll());
  child.kill(SIGKILL);
  (void)child.wait();
  EXPECT_TRUE(here.poll());
}

TEST(ConnectionProcessTest, AChildHoldsWhatItsParentHeldAtTheFork) {
  auto [here, there] = Pipe();
  auto child = Child::run([] { test::hang_up_and_wait(); });  // uses neither
  there.close();
  EXPECT_FALSE(here.poll(100ms));
  child.kill(SIGKILL);
  EXPECT_TRUE(at_end(here));
}

TEST(ConnectionProcessTest, AChildHoldsNothingOfWhatWasClosedBeforeTheFork) {
  auto [here, there] = Pipe();
  there.close();
  auto child = Child::run([] { test::hang_up_and_wait(); });
  EXPECT_TRUE(at_end(here));
}

TEST(ConnectionProcessTest, ClosingInAChildLeavesTheParentsOpen) {
  auto [here, there] = Pipe();
  auto child = Child::run([here, there] {
    here.close();
    there.close();
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  here.send(3);
  EXPECT_EQ(there.recv<int>(), 3);
}

TEST(ConnectionProcessTest, TheEndComesWhenTheChildClosesWhileItLives) {
  auto [here, there] = Pipe();
  auto child = Child::run([there] {
    there.close();
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  EXPECT_FALSE(here.poll());
  there.close();
  EXPECT_TRUE(at_end(here));
}

TEST(ConnectionProcessTest, AGrandchildKeepsAnEndOpenAfterItsParentHasDied) {
  auto [here, there] = Pipe();
  auto [tell, told] = Pipe();
  auto child = Child::run([told] {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      ::pause();
      ::_exit(0);
    }
    told.send(static_cast<int>(grandchild));
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  const int grandchild = tell.recv<int>();
  there.close();
  child.kill(SIGKILL);
  (void)child.wait();
  EXPECT_FALSE(here.poll(200ms));

  ::kill(grandchild, SIGKILL);

  EXPECT_TRUE(at_end(here));
}

TEST(ConnectionProcessTest, AnEndInAQueueIsOpenUntilItIsTakenAndClosed) {
  auto [here, there] = Pipe();
  Queue<Connection> queue;
  auto child = Child::run([queue, here, there] {
    here.close();
    there.close();
    const auto arrived = queue.get();
    arrived.send(5);
    test::hang_up_and_wait();
  });
  queue.put(there);
  there.close();
  EXPECT_EQ(here.recv<int>(), 5);
  EXPECT_FALSE(here.poll(60ms));
  child.kill(SIGKILL);
  EXPECT_TRUE(at_end(here));
}

TEST(ConnectionProcessTest, ASenderWaitsForRoomAndGoesOn) {
  auto [reader, writer] = Pipe(false);
  constexpr int kCount = 5000;
  auto child = Child::run([reader, writer] {
    reader.close();
    for (int i = 0; i < kCount; ++i) writer.send(i);
  });
  writer.close();
  for (int i = 0; i < kCount; ++i) ASSERT_EQ(reader.recv<int>(), i);
  EXPECT_TRUE(at_end(reader));
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ConnectionProcessTest, ASenderWithoutRoomIsToldOfTheDeath) {
  auto [reader, writer] = Pipe(false);
  auto child = Child::run([] { test::hang_up_and_wait(); });
  child.await_hang_up();
  reader.close();
  auto sender = Child::run([writer] {
    try {
      for (;;) writer.send(1);
    } catch (const std::system_error& error) {
      require(error.code() == std::errc::broken_pipe);
      return;
    }
  });
  writer.close();
  sender.kill(SIGSTOP);  // wherever it is
  child.kill(SIGKILL);
  sender.kill(SIGCONT);
  EXPECT_EQ(sender.wait(), test::exited(0));
}

// What a child writes into the descriptor that it is sent over a pipe.
std::string written_through(int number) {
  std::array<int, 2> file{};
  EXPECT_EQ(::pipe(file.data()), 0);
  auto [here, there] = Pipe();
  auto child = Child::run([here, there, &file] {
    here.close();
    ::close(file[0]);
    ::close(file[1]);
    const int fd = recv_handle(there);
    require(::write(fd, "foo", 3) == 3);
  });
  const int sent = number < 0 ? file[1] : ::dup2(file[1], number);
  send_handle(here, sent);
  ::close(file[1]);
  if (sent != file[1]) ::close(sent);
  EXPECT_EQ(child.wait(), test::exited(0));
  std::string text(8, '\0');
  const ssize_t size = ::read(file[0], text.data(), text.size());
  ::close(file[0]);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

TEST(ConnectionProcessTest, ADescriptorArrivesInAnotherProcess) {
  EXPECT_EQ(written_through(-1), "foo");
}

TEST(ConnectionProcessTest, ADescriptorWithALargeNumberArrives) {
  EXPECT_EQ(written_through(300), "foo");
}

TEST(ConnectionProcessTest, DescriptorsThatNobodyReceivesAreLimitedAndNoneIsLost) {
  const Queue<FileDescriptor> queue;
  const int opened = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const FileDescriptor null(opened);
  ::close(opened);
  std::string why;
  std::size_t sent = 0;
  try {
    for (; sent < 100'000; ++sent) queue.put(null);
  } catch (const std::system_error& error) {
    EXPECT_TRUE(error.code() == std::errc::no_buffer_space || error.code().value() == ETOOMANYREFS)
        << error.what();
    why = error.what();
  }
  EXPECT_GT(sent, 100U);
  EXPECT_NE(why.find("under way"), std::string::npos) << why;
  ASSERT_EQ(queue.qsize(), sent) << "the one too many was not put";
  for (std::size_t i = 0; i < sent; ++i) ASSERT_EQ(queue.get(), null);
  queue.put(null);
  EXPECT_EQ(::write(queue.get().fileno(), "x", 1), 1);
}

TEST(ConnectionProcessTest, WorkersOfAPoolHoldNoEndsButThoseOfTheirTasks) {
  auto [here, there] = Pipe();
  Pool pool(2);
  (void)pool.apply([] { return 0; });
  there.close();
  EXPECT_TRUE(at_end(here));

  auto [mine, theirs] = Pipe();
  const int answer = pool.apply(
      [](const Connection& connection) {
        connection.send(6);
        return 7;
      },
      theirs);
  EXPECT_EQ(answer, 7);
  EXPECT_EQ(mine.recv<int>(), 6);
}

// Makes pipes in a child that is killed with ends in use, in messages, and in messages in them.
void kill_with_pipes() {
  auto [here, there] = Pipe();
  auto child = Child::run([there] {
    auto [inner, outer] = Pipe();
    auto [first, second] = Pipe(false);
    outer.send(second);
    there.send(inner);
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  child.kill(SIGKILL);
  (void)child.wait();
  (void)shm::bury_the_dead();
}

TEST(ConnectionProcessTest, NothingIsLeftBehindByPipesOfTheKilled) {
  kill_with_pipes();
  (void)Pipe();  // lets go of what was kept for the child
  const auto before = shm::census();
  const auto held = shm::held_objects();
  for (int i = 0; i < 20; ++i) kill_with_pipes();
  (void)Pipe();
  EXPECT_EQ(shm::held_objects(), held);
  EXPECT_EQ(shm::census().blocks, before.blocks);
}

}  // namespace
}  // namespace multiprocessing
