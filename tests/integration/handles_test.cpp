// A handle is good wherever it arrives: also of an object that is younger than the process.

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "support/child.hpp"

namespace multiprocessing {
namespace {

struct Parcel {
  std::string name;
  Queue<std::string> answers;
  Lock lock;
  Event event;
  Value<int> value;
  Array<double> array;
  Dict<std::string, int> dict;
};

Parcel make_parcel() {
  return {"parcel", {}, {}, {}, Value<int>(20), {1.5, 2.5}, {{"hermione", 16}}};
}

// Uses each of the handles; whoever made them sees it.
void unpack(const Parcel& parcel) {
  test::require(parcel.lock.acquire());
  parcel.value.value += 1;
  parcel.array[1] = 3.5;
  parcel.dict["hermione"] += 1;
  parcel.event.set();
  parcel.answers.put("got the " + parcel.name);
}

void expect_unpacked(const Parcel& parcel) {
  EXPECT_EQ(parcel.answers.get(), "got the parcel");
  EXPECT_TRUE(parcel.event.is_set());
  EXPECT_TRUE(parcel.lock.locked());
  EXPECT_EQ(parcel.value.value, 21);
  EXPECT_EQ(parcel.array.slice(0, 2), (std::vector{1.5, 3.5}));
  EXPECT_EQ(parcel.dict.at("hermione"), 17);
}

TEST(HandlesTest, PutIntoAQueueWorkInAProcessThatIsOlderThanThey) {
  const Queue<Parcel> parcels;
  Process receiver([parcels] { unpack(parcels.get()); });
  receiver.start();

  const Parcel parcel = make_parcel();
  parcels.put(parcel);

  expect_unpacked(parcel);
  EXPECT_TRUE(receiver.join());
  EXPECT_EQ(receiver.exitcode(), 0);
}

TEST(HandlesTest, OutliveTheProcessThatMadeThemWhileTheyAreInAQueue) {
  const Queue<Queue<int>> queues;
  Process maker([queues] {
    const Queue<int> queue;
    queue.put(42);
    queues.put(queue);
  });
  maker.start();
  maker.join();

  EXPECT_EQ(queues.get().get(), 42);
}

TEST(HandlesTest, StoredInADictWorkInAnotherProcess) {
  Manager manager;
  const auto queues = manager.dict<std::string, Queue<int>>();
  Process receiver([queues] {
    const Queue<int> mine;
    queues.set("mine", mine);
    mine.put(mine.get() + 1);
  });
  receiver.start();

  std::optional<Queue<int>> queue;
  while (!(queue = queues.get("mine"))) std::this_thread::yield();
  queue->put(1);

  EXPECT_TRUE(receiver.join());
  EXPECT_EQ(queue->get(), 2);
}

TEST(HandlesTest, PassedToATaskWorkThoughThePoolIsOlderThanThey) {
  Pool pool(2);

  const Parcel parcel = make_parcel();
  pool.apply(unpack, parcel);

  expect_unpacked(parcel);
}

int answer(const Queue<int>& questions, const Queue<int>& answers) {
  int sum = 0;
  for (const int question : questions) {
    answers.put(question * question);
    sum += question;
  }
  return sum;
}

TEST(HandlesTest, QueuesMadeAfterThePoolCarryItemsWhileATaskRuns) {
  Pool pool(1);
  const Queue<int> questions;
  const Queue<int> answers(2);

  auto sum = pool.apply_async(answer, questions, answers);
  std::vector<int> squares;
  for (int i = 1; i <= 100; ++i) {
    questions.put(i);
    squares.push_back(answers.get());
  }
  questions.shutdown();

  EXPECT_EQ(sum.get(), 5050);
  EXPECT_EQ(squares.back(), 10000);
}

Queue<int> filled_queue(int item) {
  const Queue<int> queue;
  queue.put(item);
  return queue;
}

TEST(HandlesTest, ReturnedFromATaskWorkInTheCaller) {
  Pool pool(2);

  int sum = 0;
  for (const auto& queue : pool.map(filled_queue, range(10))) sum += queue.get();

  EXPECT_EQ(sum, 45);
}

}  // namespace
}  // namespace multiprocessing
