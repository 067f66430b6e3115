// File descriptors that travel.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/fd_snapshot.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Gate;
using test::require;

void write_to(const FileDescriptor& file, const std::string& text) {
  require(::write(file.fileno(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

// A pipe whose write end belongs to a FileDescriptor alone.
struct OpenPipe {
  Gate gate;
  std::optional<FileDescriptor> writer{gate.writer()};
  OpenPipe() { gate.close_writer(); }
  std::string text() {
    writer.reset();
    return gate.rest();
  }
};

struct Named {
  std::string name;
  std::vector<FileDescriptor> files;
};

class DescriptorTravelTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {  // opens what stays open
    Process process([] {});
    process.start();
    process.join();
  }
};

TEST_F(DescriptorTravelTest, DescriptorArrivesThroughAQueueAsADuplicateOfTheSameFile) {
  const test::FdSnapshot before;
  {
    OpenPipe pipe;
    const Queue<FileDescriptor> queue;

    queue.put(*pipe.writer);
    const FileDescriptor arrived = queue.get();

    EXPECT_NE(arrived.fileno(), pipe.writer->fileno());
    EXPECT_EQ(arrived, *pipe.writer);
    EXPECT_EQ(std::hash<FileDescriptor>{}(arrived), std::hash<FileDescriptor>{}(*pipe.writer));
    EXPECT_NE(arrived, FileDescriptor(arrived.fileno()));
    EXPECT_EQ(::fcntl(arrived.fileno(), F_GETFD), FD_CLOEXEC);
    write_to(arrived, "through a queue");
  }
  EXPECT_EQ(test::FdSnapshot(), before);
}

TEST_F(DescriptorTravelTest, ChildOpensWhatItsParentHasNot) {
  const Queue<FileDescriptor> queue;
  Process process([&] {
    Gate pipe;
    queue.put(FileDescriptor(pipe.reader()));
    write_to(FileDescriptor(pipe.writer()), "from the child");
  });
  process.start();

  const FileDescriptor arrived = queue.get();
  process.join();

  std::string text(32, '\0');
  text.resize(static_cast<std::size_t>(::read(arrived.fileno(), text.data(), text.size())));
  EXPECT_EQ(text, "from the child");
}

TEST_F(DescriptorTravelTest, SenderThatWasKilledLosesNothing) {
  const Queue<FileDescriptor> queue;
  Process process([&] {
    Gate pipe;
    pipe.tell("from the dead");
    queue.put(FileDescriptor(pipe.reader()));
    ::raise(SIGKILL);
  });
  process.start();
  process.join();
  ASSERT_EQ(process.exitcode(), -SIGKILL);

  const FileDescriptor arrived = queue.get();

  std::string text(32, '\0');
  text.resize(static_cast<std::size_t>(::read(arrived.fileno(), text.data(), text.size())));
  EXPECT_EQ(text, "from the dead");
}

// The reader sees the end of the file as soon as the last one who could write has gone.
TEST_F(DescriptorTravelTest, FileIsClosedWithTheMessageThatWasDropped) {
  OpenPipe pipe;
  {
    const Queue<Named> queue;
    queue.put({"dropped", {*pipe.writer, *pipe.writer}});
  }

  EXPECT_EQ(pipe.text(), "");
}

TEST_F(DescriptorTravelTest, FileIsClosedWithTheLastOfSeveralMessages) {
  OpenPipe first;
  OpenPipe second;
  OpenPipe third;
  const Queue<FileDescriptor> one;
  const Queue<FileDescriptor> other;
  one.put(*first.writer);
  other.put(*second.writer);
  one.put(*third.writer);

  // Out of order, so that the store is turned over.
  write_to(other.get(), "second");
  EXPECT_EQ(second.text(), "second");
  write_to(one.get(), "first");
  EXPECT_EQ(first.text(), "first");
  write_to(one.get(), "third");
  EXPECT_EQ(third.text(), "third");
}

TEST_F(DescriptorTravelTest, StructsTasksResultsAndDictsCarryThem) {
  OpenPipe pipe;
  Pool pool(2);
  const auto dict = Manager().dict<std::string, FileDescriptor>();
  dict["kept"] = *pipe.writer;

  for (int i = 0; i < 3; ++i) write_to(dict.at("kept"), ".");
  const auto back = pool.apply(
      [](const Named& named) {
        write_to(named.files[1], named.name);
        return named.files[0];
      },
      Named{"task", {*pipe.writer, *pipe.writer}});
  EXPECT_EQ(back, *pipe.writer);
  write_to(back, "+");
  dict.clear();
  pool.terminate();
  pool.join();
  const_cast<FileDescriptor&>(back) = FileDescriptor(STDERR_FILENO);

  EXPECT_EQ(pipe.text(), "...task+");
}

TEST_F(DescriptorTravelTest, SeveralProcessesSendAndReceiveAtOnce) {
  constexpr int kEach = 100;
  const Queue<FileDescriptor> queue(16);
  Gate result;
  const FileDescriptor target(result.writer());
  const test::FdSnapshot before;
  std::vector<Process> all;
  for (int i = 0; i < 2; ++i) {
    all.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) queue.put(FileDescriptor(target.fileno()));
    });
    all.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) write_to(queue.get(), "x");
    });
  }
  for (auto& process : all) process.start();
  for (auto& process : all) process.join();

  for (const auto& process : all) EXPECT_EQ(process.exitcode(), 0);
  std::string text(4 * kEach, '\0');
  EXPECT_EQ(::read(result.reader(), text.data(), text.size()), 2 * kEach);
}

TEST_F(DescriptorTravelTest, ManyMayBeUnderWayAndTheOneTooManyIsRefused) {
  const Queue<FileDescriptor> queue;
  const FileDescriptor file(STDERR_FILENO);
  int sent = 0;
  try {
    for (; sent < 100'000; ++sent) queue.put(file);
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("sendmsg"), std::string::npos);
  }

  EXPECT_GE(sent, 100);
  for (int i = 0; i < sent; ++i) EXPECT_EQ(queue.get(), file);
  queue.put(file);
  EXPECT_EQ(queue.get(), file);
}

TEST_F(DescriptorTravelTest, FullTableOfTheReceiverIsAnErrorThatNamesTheCall) {
  auto program = test::Child::run([] {
    const Queue<FileDescriptor> queue;
    queue.put(FileDescriptor(STDERR_FILENO));
    queue.put(FileDescriptor(STDERR_FILENO));
    struct rlimit limit{};
    require(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 3;
    require(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    try {
      (void)queue.get();
      require(false);
    } catch (const std::system_error& error) {
      limit.rlim_cur = before;  // at once: UBSan's look at an object needs a descriptor
      require(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
      require(error.code().value() == EMFILE);
      require(std::string(error.what()).find("recvmsg") != std::string::npos);
    }
    (void)queue.get();  // the other one
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST_F(DescriptorTravelTest, ProcessWhoseHostClosedEverythingIsToldSo) {
  auto program = test::Child::run([] {
    const Queue<FileDescriptor> queue;
    queue.put(FileDescriptor(STDERR_FILENO));
    for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    try {
      (void)queue.get();
      require(false);
    } catch (const TransferError& error) {
      require(std::string(error.what()).find("file descriptor") != std::string::npos);
    }
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

// Who finds what it looks for leaves its mark in the store.
TEST_F(DescriptorTravelTest, TheMarkOfAPredecessorInTheSameSlotHidesNothing) {
  const FileDescriptor file(STDERR_FILENO);
  const Queue<FileDescriptor> first;
  const Queue<FileDescriptor> second;
  const Queue<FileDescriptor> third;
  for (const auto& queue : {first, second, third}) queue.put(file);

  auto predecessor = test::Child::run([&] { test::require(second.get() == file); });
  EXPECT_EQ(predecessor.wait(), test::exited(0));
  (void)shm::bury_the_dead();  // its slot is the next one to be taken
  auto successor = test::Child::run([&] { test::require(first.get() == file); });

  EXPECT_EQ(successor.wait(), test::exited(0));
  EXPECT_EQ(third.get(), file);
}

}  // namespace
}  // namespace multiprocessing
