// Thread, Timer and what tells about threads.

#include <multiprocessing/threading.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace multiprocessing::threading {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void add(int a, int b, std::atomic<int>* sum) {
  *sum = a + b;
}

class Adder : public Thread {
 public:
  explicit Adder(int n) : n_(n) {}
  void run() override { sum = n_ * 2; }
  std::atomic<int> sum{0};

 private:
  int n_;
};

bool is_listed(const ThreadHandle& thread) {
  return std::ranges::count(enumerate(), thread) == 1;
}

TEST(ThreadTest, RunsItsTargetWithItsArguments) {
  std::atomic<int> sum{0};
  Thread thread(add, 2, 3, &sum);
  thread.start();
  EXPECT_TRUE(thread.join());
  EXPECT_EQ(sum, 5);
}

TEST(ThreadTest, TextArgumentsAreKeptAsStrings) {
  std::string heard;
  std::string text = "bob";
  Thread thread([&heard](const std::string& who) { heard = who; }, text.c_str());
  text = "eve";
  thread.start();
  thread.join();
  EXPECT_EQ(heard, "bob");
}

TEST(ThreadTest, LivesFromStartToTheEndOfItsTarget) {
  const Event go;
  Thread thread([go] { go.wait(); });
  EXPECT_FALSE(thread.is_alive());
  EXPECT_FALSE(thread.ident());
  EXPECT_FALSE(thread.native_id());

  thread.start();

  EXPECT_TRUE(thread.is_alive());
  EXPECT_TRUE(thread.ident());
  EXPECT_NE(thread.native_id(), get_native_id());
  EXPECT_TRUE(is_listed(thread));
  EXPECT_FALSE(thread.join(10ms));
  go.set();
  EXPECT_TRUE(thread.join());
  EXPECT_FALSE(thread.is_alive());
  EXPECT_FALSE(is_listed(thread));
  EXPECT_TRUE(thread.join()) << "may be joined again";
}

TEST(ThreadTest, MisuseThrowsValueError) {
  Thread thread([] {});
  EXPECT_THROW(thread.join(), ValueError) << "before start";
  thread.start();
  EXPECT_THROW(thread.start(), ValueError) << "twice";
  EXPECT_THROW(thread.set_daemon(true), ValueError) << "after start";
  thread.join();
  EXPECT_THROW(thread.start(), ValueError) << "after the end";
  EXPECT_THROW(current_thread().join(), ValueError) << "itself";
  std::atomic<bool> refused{false};
  Thread itself([&] {
    try {
      current_thread().join();
    } catch (const ValueError&) {
      refused = true;
    }
  });
  itself.start();
  itself.join();
  EXPECT_TRUE(refused);
}

TEST(ThreadTest, NamesCountUpAndMayBeChanged) {
  const Thread first([] {});
  const Thread second(ThreadOptions{.name = "worker"}, [] {});
  EXPECT_EQ(first.name().rfind("Thread-", 0), 0U);
  EXPECT_EQ(second.name(), "worker");
  second.set_name("painter");
  EXPECT_EQ(second.name(), "painter");
}

TEST(ThreadTest, KernelKnowsItsName) {
  std::string known;
  Thread thread(ThreadOptions{.name = "a name of more than fifteen bytes"}, [&known] {
    char name[32] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    known = name;
  });
  thread.start();
  thread.join();
  EXPECT_EQ(known, "a name of more ");
}

TEST(ThreadTest, DaemonIsInherited) {
  bool inherited = false;
  Thread thread(ThreadOptions{.daemon = true},
                [&inherited] { inherited = Thread([] {}).daemon(); });
  EXPECT_TRUE(thread.daemon());
  EXPECT_FALSE(Thread([] {}).daemon());
  thread.start();
  thread.join();
  EXPECT_TRUE(inherited);
}

TEST(ThreadTest, HandleNeitherWaitsNorEndsTheThread) {
  const Event go;
  const Event done;
  Thread([go, done] {
    go.wait();
    done.set();
  }).start();
  go.set();
  EXPECT_TRUE(done.wait());
}

TEST(ThreadTest, VectorOfThreadsMayGrow) {
  std::atomic<int> ran{0};
  std::vector<Thread> threads;
  for (int i = 0; i < 10; ++i) {
    threads.emplace_back([&ran] { ++ran; });
    threads.back().start();
  }
  for (const Thread& thread : threads) thread.join();
  EXPECT_EQ(ran, 10);
}

TEST(ThreadTest, JoinFromManyThreadsEndsForAll) {
  const Event go;
  Thread thread([go] { go.wait(); });
  thread.start();
  std::vector<Thread> joiners;
  for (int i = 0; i < 4; ++i) joiners.emplace_back([&thread] { thread.join(); }).start();
  go.set();
  for (const Thread& joiner : joiners) joiner.join();
}

TEST(ThreadTest, ThreadLocalsAreGoneAfterJoin) {
  static std::atomic<int> destroyed{0};
  struct Noted {
    ~Noted() { ++destroyed; }
  };
  Thread thread([] {
    thread_local const Noted noted;
    (void)noted;
  });
  thread.start();
  thread.join();
  EXPECT_EQ(destroyed, 1);
}

TEST(ThreadTest, SubclassRunsItsOwnRun) {
  Adder adder(4);
  adder.start();
  adder.join();
  EXPECT_EQ(adder.sum, 8);
}

TEST(ThreadTest, MakeThreadKeepsTheObjectUntilItsThreadHasEnded) {
  static std::atomic<int> destroyed{0};
  struct Waiting : Thread {
    explicit Waiting(const Event& e) : event(e) {}
    ~Waiting() override { ++destroyed; }
    void run() override { event.wait(); }
    Event event;
  };
  const Event event;
  auto thread = make_thread<Waiting>(event);
  thread->start();
  const ThreadHandle handle = *thread;

  thread.reset();

  EXPECT_EQ(destroyed, 0);
  event.set();
  handle.join();
  EXPECT_EQ(destroyed, 1);
}

TEST(ThreadTest, CurrentThreadIsTheOneThatAsks) {
  EXPECT_EQ(current_thread(), main_thread());
  EXPECT_EQ(main_thread().name(), "MainThread");
  EXPECT_EQ(main_thread().native_id(), ::getpid());
  EXPECT_EQ(main_thread().ident(), get_ident());
  std::optional<ThreadHandle> seen;
  Thread thread([&seen] { seen = current_thread(); });
  thread.start();
  thread.join();
  EXPECT_EQ(seen, ThreadHandle(thread));
}

TEST(ThreadTest, ForeignThreadIsADummyWhileItLives) {
  const int before = active_count();
  std::thread([&] {
    EXPECT_EQ(current_thread().name().rfind("Dummy-", 0), 0U);
    EXPECT_TRUE(current_thread().is_alive());
    EXPECT_TRUE(current_thread().daemon());
    EXPECT_EQ(active_count(), before + 1);
  }).join();
  EXPECT_EQ(active_count(), before);
}

TEST(ThreadTest, ExceptHookGetsWhatEscapes) {
  std::string told;
  const ExceptHook before =
      set_excepthook([&told](const std::exception_ptr& error, const ThreadHandle& thread) {
        told = thread.name() + " " + describe(error);
      });
  Thread thread(ThreadOptions{.name = "t"}, [] { throw ValueError("bad input"); });
  thread.start();
  thread.join();
  (void)set_excepthook(before);
  EXPECT_EQ(told, "t ValueError: bad input");
}

TEST(TimerTest, CallsItsFunctionAfterTheInterval) {
  const auto start = Clock::now();
  std::atomic<int> sum{0};
  Timer timer(30ms, add, 1, 2, &sum);
  timer.start();
  timer.join();
  EXPECT_EQ(sum, 3);
  EXPECT_GE(Clock::now() - start, 30ms);
}

TEST(TimerTest, CancelledTimerEndsWithoutACall) {
  std::atomic<bool> called{false};
  Timer timer(1h, [&] { called = true; });
  timer.start();
  timer.cancel();
  timer.join();
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace multiprocessing::threading
