// What travels to a child that is not forked, what does not, and how that is told.

#include <multiprocessing/context.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "process/each_start_method.hpp"
#include "process/programs/plugin.hpp"

namespace multiprocessing {
namespace {

// Made by a static constructor, in every process that executes this program.
const Queue<int> made_at_load;

class Upper : public Process {
 public:
  Upper(Queue<std::string> in, Queue<std::string> out) : in_(std::move(in)), out_(std::move(out)) {}
  Upper(ProcessOptions options, Queue<std::string> in, Queue<std::string> out)
      : Process(std::move(options)), in_(std::move(in)), out_(std::move(out)) {}

  void run() override {
    for (std::string text = in_.get(); !text.empty(); text = in_.get()) {
      for (char& c : text) c = static_cast<char>(std::toupper(c));
      out_.put(name() + ":" + text);
    }
  }

 private:
  Queue<std::string> in_;
  Queue<std::string> out_;
};

class Assigned : public Process {
 public:
  using Process::Process;
  void run() override { std::exit(code + more); }

  int code = 0;
  int more = 0;
};

class Plain : public Process {
 public:
  using Process::Process;
  void run() override { std::exit(5); }
};

class WithTarget : public Process {
 public:
  using Process::Process;
  void run() override {
    Process::run();
    std::exit(6);
  }
};

class Unlisted : public Process {
 public:
  using Process::Process;
  void run() override {}
};

}  // namespace

MULTIPROCESSING_PROCESS(Upper, in_, out_)
MULTIPROCESSING_PROCESS(Assigned, code, more);
MULTIPROCESSING_PROCESS(Plain)
MULTIPROCESSING_PROCESS(WithTarget)

namespace {

using SubclassTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, SubclassTest, test::each_start_method(), test::name_of_method);

TEST_P(SubclassTest, FunctionOfASharedLibraryIsATarget) {
  auto process = ctx().Process(plugin_target, 3);

  EXPECT_EQ(run(process), 21);
}

TEST_P(SubclassTest, ListedClassRunsWithItsMembers) {
  const Queue<std::string> in;
  const Queue<std::string> out;
  Upper process(ctx().options({.name = "upper"}), in, out);
  process.start();

  in.put("hello");
  in.put("world");
  in.put("");

  EXPECT_EQ(out.get(), "upper:HELLO");
  EXPECT_EQ(out.get(), "upper:WORLD");
  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), 0);
}

TEST_P(SubclassTest, MembersAreAssignedWhereNoConstructorTakesThem) {
  Assigned process(ctx().options());
  process.code = 20;
  process.more = 3;

  EXPECT_EQ(run(process), 23);
}

TEST_P(SubclassTest, ClassWithoutMembersIsListedByItsName) {
  Plain process(ctx().options());

  EXPECT_EQ(run(process), 5);
}

TEST_P(SubclassTest, TargetTravelsWithTheSubclass) {
  const Queue<int> queue;
  WithTarget process(ctx().options(), [](const Queue<int>& to) { to.put(1); }, queue);

  EXPECT_EQ(run(process), 6);

  EXPECT_EQ(queue.get_nowait(), 1);
}

class TransferTest : public testing::TestWithParam<StartMethod> {
 protected:
  [[nodiscard]] static Context ctx() { return get_context(GetParam()); }

  static void expect_refused(Process& process, const std::string& reason) {
    try {
      process.start();
      ADD_FAILURE() << "it was started";
    } catch (const TransferError& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
    EXPECT_EQ(process.pid(), std::nullopt);
    EXPECT_TRUE(active_children().empty());
  }
};

INSTANTIATE_TEST_SUITE_P(Methods, TransferTest,
                         testing::Values(StartMethod::forkserver, StartMethod::spawn),
                         test::name_of_method);

TEST_P(TransferTest, CapturingLambdaIsRefusedWithTheWaysOut) {
  int here = 0;
  auto process = ctx().Process([&here] { ++here; });

  expect_refused(process, "by_value(lambda)");
  expect_refused(process, "partial(f, args...)");
}

TEST_P(TransferTest, ArgumentThatCannotTravelIsNamed) {
  int here = 0;
  auto process = ctx().Process([](int, std::reference_wrapper<int>) {}, 1, std::ref(here));

  expect_refused(process, "argument 2 of this process, of type std::reference_wrapper<int>");
}

TEST_P(TransferTest, SubclassThatIsNotListedIsNamed) {
  Unlisted process(ctx().options());

  expect_refused(process, "MULTIPROCESSING_PROCESS(");
  expect_refused(process, "Unlisted");
}

TEST_P(TransferTest, DescriptorsOfTheParentAreClosed) {
  const int high = ::fcntl(STDERR_FILENO, F_DUPFD, 150);  // open across an exec
  const Queue<bool> queue;
  auto process = ctx().Process(
      [](const Queue<bool>& to, int fd) { to.put(::fcntl(fd, F_GETFD) < 0 && errno == EBADF); },
      queue, high);

  process.start();
  EXPECT_TRUE(process.join());

  ::close(high);
  EXPECT_TRUE(queue.get());
}

TEST_P(TransferTest, StaticObjectsAreMadeInTheFamilysArena) {
  const Queue<Queue<int>> queue;
  auto process = ctx().Process(
      [](const Queue<Queue<int>>& to) {
        made_at_load.put(11);
        to.put(made_at_load);
      },
      queue);

  process.start();
  EXPECT_TRUE(process.join());

  const Queue<int> theirs = queue.get();
  EXPECT_FALSE(theirs == made_at_load);
  EXPECT_EQ(theirs.get_nowait(), 11);
}

TEST_P(TransferTest, BigArgumentsTravel) {
  const Queue<std::size_t> queue;
  auto process = ctx().Process(
      [](const Queue<std::size_t>& to, const std::vector<char>& big) {
        to.put(big.size());
        to.put(static_cast<std::size_t>(big.back()));
      },
      queue, std::vector<char>(20'000'000, 'x'));

  process.start();
  EXPECT_TRUE(process.join());

  EXPECT_EQ(queue.get(), 20'000'000U);
  EXPECT_EQ(queue.get(), static_cast<std::size_t>('x'));
}

}  // namespace
}  // namespace multiprocessing
