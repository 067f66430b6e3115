// Value and RawValue within one process; the names follow Python's _TestValue.

#include <multiprocessing/sharedctypes.hpp>

#include <array>
#include <complex>
#include <cstdint>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

namespace multiprocessing {
namespace {

struct Point {
  int x = 0;
  int y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Record {
  double time = 0;
  int id = 0;
  std::array<char, 20> name{};
  friend bool operator==(const Record&, const Record&) = default;
};

struct Odd {
  std::array<char, 13> bytes{};
};

static_assert(is_transferable_v<Value<int>> && is_transferable_v<RawValue<Record>>);
static_assert(std::is_same_v<decltype(Value(2.5)), Value<double>>);

TEST(ValueTest, BeginsWithWhatItIsGiven) {
  EXPECT_EQ(Value<int>(7).value, 7);
  EXPECT_EQ(Value<double>(3.5).value, 3.5);
  EXPECT_EQ(Value<std::int64_t>(-(1LL << 40)).value, -(1LL << 40));
  EXPECT_EQ(Value<std::int16_t>(-232).value, -232);
  EXPECT_EQ(Value<char>('y').value, 'y');
  EXPECT_EQ(Value<bool>(true).value, true);
  EXPECT_EQ(Value<int>().value, 0);
  EXPECT_EQ(Value<Record>().get(), Record{});
  EXPECT_EQ(Value<Point>(Point{1, 2}).get(), (Point{1, 2}));
}

TEST(ValueTest, MemberReadsAndWritesLikeTheType) {
  const Value<double> v(1.0);

  v.value = 3.14;
  const double read = v.value;
  v.value += 1;
  v.value *= 2;

  EXPECT_EQ(read, 3.14);
  EXPECT_DOUBLE_EQ(v.value, 8.28);
  EXPECT_TRUE(v.value > 8 && v.value < 9);
  EXPECT_EQ(static_cast<int>(v.value), 8);
}

TEST(ValueTest, EveryCompoundAssignmentOfAnIntegerWorksAsOnAnInteger) {
  const Value<int> v(100);
  v.value += 20;
  v.value -= 6;
  v.value *= 3;
  v.value /= 2;
  v.value %= 100;
  EXPECT_EQ(v.value, 71);
  v.value &= 0x46;
  v.value |= 0x9;
  v.value ^= 0x1;
  v.value <<= 4;
  v.value >>= 2;
  EXPECT_EQ(v.value, (((((71 & 0x46) | 0x9) ^ 0x1) << 4) >> 2));
}

TEST(ValueTest, IncrementsReturnWhatThoseOfAnIntegerReturn) {
  const Value<short> v(5);
  EXPECT_EQ(v.value++, 5);
  EXPECT_EQ(++v.value, 7);
  EXPECT_EQ(v.value--, 7);
  EXPECT_EQ(--v.value, 5);
}

TEST(ValueTest, AssignmentBetweenMembersCopiesTheValueAndNotTheName) {
  const Value<int> a(1);
  const Value<int> b(2);

  a.value = b.value;
  b.value = 9;

  EXPECT_EQ(a.value, 2);
  EXPECT_NE(a, b);
}

TEST(ValueTest, AssignmentOfAHandleMakesItNameTheOther) {
  Value<int> a(1);
  const Value<int> b(2);

  a = b;
  b.value = 9;

  EXPECT_EQ(a.value, 9);
  EXPECT_EQ(a, b);
}

TEST(ValueTest, MemberPrintsLikeTheType) {
  std::ostringstream out;
  const Value<double> v(2.5);
  const Value<char> c('x');
  out << v.value << ' ' << c.value;
  EXPECT_EQ(out.str(), "2.5 x");
}

TEST(ValueTest, FetchAddExchangeAndCompareExchangeWorkAsOnAnAtomic) {
  const Value<int> v(10);
  EXPECT_EQ(v.fetch_add(-3), 10);
  EXPECT_EQ(v.exchange(20), 7);
  int expected = 7;
  EXPECT_FALSE(v.compare_exchange(expected, 30));
  EXPECT_EQ(expected, 20);
  EXPECT_TRUE(v.compare_exchange(expected, 30));
  EXPECT_EQ(v.get(), 30);

  const Value<Record> wide(Record{1.5, 2, {}});
  Record now{};
  EXPECT_FALSE(wide.compare_exchange(now, {}));
  EXPECT_EQ(now.id, 2);
  EXPECT_TRUE(wide.compare_exchange(now, {}));
  EXPECT_EQ(wide.get(), Record{});
  const Value<std::complex<double>> z(std::complex<double>(1, 2));
  EXPECT_EQ(z.fetch_add({1, 1}), (std::complex<double>(1, 2)));
  EXPECT_EQ(z.get(), (std::complex<double>(2, 3)));
}

TEST(ValueTest, WideValuesOfEverySizeSurvive) {
  const Value<Odd> v;
  for (char n = 0; n < 5; ++n) {
    Odd odd{};
    odd.bytes.fill(n);
    v.set(odd);
    EXPECT_EQ(v.get().bytes, odd.bytes);
  }
  const Value<std::array<int, 1000>> big;
  std::array<int, 1000> ones{};
  ones.fill(1);
  big.value = ones;
  EXPECT_EQ(big.get(), ones);
}

TEST(ValueTest, WithLockPublishesWhatTheFunctionDidAndReturnsWhatItReturned) {
  const Value<Point> v(Point{1, 2});

  const int sum = v.with_lock([](Point& p) {
    p.x = 10;
    return p.x + p.y;
  });
  v.with_lock([](Point& p) { p.y = 20; });

  EXPECT_EQ(sum, 12);
  EXPECT_EQ(v.get(), (Point{10, 20}));
  EXPECT_FALSE(v.get_lock().locked());
}

TEST(ValueTest, FunctionThatThrowsUnderTheLockChangesNothing) {
  const Value<int> v(1);
  EXPECT_THROW(v.with_lock([](int& n) {
    n = 2;
    throw ValueError("no");
  }),
               ValueError);
  EXPECT_EQ(v.value, 1);
  EXPECT_FALSE(v.get_lock().locked());
}

TEST(ValueTest, GetLockMakesSeveralOperationsOne) {
  const Value<int> v(0);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([v] {
      for (int n = 0; n < 1000; ++n) {
        const std::lock_guard guard(v.get_lock());
        v.value = v.value + 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(v.value, 4000);
}

TEST(ValueTest, EachCompoundAssignmentIsOneStep) {
  const Value<int> v(0);
  const Value<Record> wide;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([v, wide] {
      for (int n = 0; n < 1000; ++n) {
        v.value += 1;
        wide.with_lock([](Record& r) { ++r.id; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(v.value, 4000);
  EXPECT_EQ(wide.get().id, 4000);
}

TEST(ValueTest, ExplicitLockIsUsedAndKeptAlive) {
  std::optional<RLock> lock(std::in_place);
  const Value<int> v(5, *lock);
  const Value<int> same(6, v.get_lock());
  EXPECT_EQ(v.get_lock(), *lock);
  EXPECT_EQ(same.get_lock(), *lock);

  const auto id = lock->handle_id();
  lock.reset();

  EXPECT_EQ(RLock::from_handle_id(id), v.get_lock());
  EXPECT_EQ(v.value, 5);
}

TEST(ValueTest, PlainLockIsUsedToo) {
  const Lock lock;
  const Value<int> v(5, lock);
  const Array<int> a({1, 2}, lock);
  ++v.value;

  ASSERT_TRUE(lock.acquire());
  std::thread other([&] { v.value += 10; });
  EXPECT_EQ(a[1], 2) << "elements take no lock";
  EXPECT_FALSE(v.get_lock().acquire(false)) << "held, and not by this thread's recursion";
  lock.release();
  other.join();

  EXPECT_EQ(v.value, 16);
  EXPECT_EQ(Value<int>::from_handle_id(v.handle_id()).get(), 16);
  EXPECT_EQ(RLock::from_handle_id(v.get_lock().handle_id()), v.get_lock());
  EXPECT_FALSE(lock.locked());
}

TEST(ValueTest, LockOfAValueMayBeSharedWithAnArray) {
  std::optional<Value<int>> v(std::in_place, 5);
  const Array<int> array({1, 2, 3}, v->get_lock());
  EXPECT_EQ(array.get_lock(), v->get_lock());

  v.reset();

  const std::lock_guard guard(array.get_lock());
  EXPECT_TRUE(array.get_lock().locked());
  EXPECT_EQ(array[2], 3);
}

TEST(ValueTest, WithoutALockThereIsNoneToGet) {
  const Value<int> v(5, no_lock);
  EXPECT_THROW((void)v.get_lock(), ValueError);
  EXPECT_THROW(v.with_lock([](int&) {}), ValueError);
  EXPECT_EQ(v.fetch_add(1), 5);
  v.value += 1;
  EXPECT_EQ(v.value, 7);
}

TEST(ValueTest, CopiesAndIdsAreTheSameValue) {
  const RLock lock;
  for (const Value<double>& v :
       {Value<double>(1), Value<double>(1, lock), Value<double>(1, no_lock)}) {
    const auto found = Value<double>::from_handle_id(v.handle_id());
    found.value = 2;
    EXPECT_EQ(v.value, 2);
    EXPECT_EQ(found, v);
    EXPECT_EQ((std::unordered_set<Value<double>>{v, found}).size(), 1U);
  }
  const Value<double> v(1, lock);
  EXPECT_EQ(Value<double>::from_handle_id(v.handle_id()).get_lock(), lock);
}

TEST(ValueTest, IdOfSomethingElseThrowsValueError) {
  const Value<double> v(1);
  const auto gone = Value<int>(1).handle_id();
  EXPECT_THROW(Value<int>::from_handle_id(v.handle_id()), ValueError);
  EXPECT_THROW(Value<int>::from_handle_id(gone), ValueError);
  EXPECT_THROW(RawValue<double>::from_handle_id(v.handle_id()), ValueError);
  EXPECT_THROW(Array<double>::from_handle_id(v.handle_id()), ValueError);
}

TEST(RawValueTest, OperationsOfThreadsAreExactWithoutALock) {
  const RawValue<int> n(0);
  const RawValue<double> d(0);
  const RawValue<std::uint8_t> wraps(0);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([=] {
      for (int k = 0; k < 1000; ++k) {
        n.fetch_add(1);
        n.value += 1;
        d.value += 0.5;
        wraps.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n.value, 8000);
  EXPECT_EQ(d.value, 2000);
  EXPECT_EQ(wraps.value, 4000 % 256);
}

TEST(RawValueTest, CompareExchangeIgnoresWhatAnOverflowLeftBeyondTheType) {
  const RawValue<std::uint8_t> v(255);
  v.fetch_add(1);
  std::uint8_t expected = 0;
  EXPECT_TRUE(v.compare_exchange(expected, 9));
  EXPECT_EQ(v.value, 9);
}

TEST(RawValueTest, ReaderOfAWideValueNeverSeesATornOne) {
  const RawValue<std::array<long, 16>> v;
  std::thread writer([v] {
    for (long n = 1; n <= 2000; ++n) {
      std::array<long, 16> all{};
      all.fill(n);
      v.set(all);
    }
  });
  long last = 0;
  while (last < 2000) {
    const auto all = v.get();
    for (const long n : all) ASSERT_EQ(n, all[0]);
    ASSERT_GE(all[0], last);
    last = all[0];
  }
  writer.join();
}

}  // namespace
}  // namespace multiprocessing
