// What Boost.Serialization can serialize can be sent.

#include <multiprocessing/errors.hpp>
#include <multiprocessing/serialization.hpp>

#include <gtest/gtest.h>
#include <boost/serialization/valarray.hpp>
#include <boost/serialization/vector.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <valarray>
#include <vector>

#include "wire/round_trip.hpp"

namespace multiprocessing::test {

class Account {  // private member serialize, no public default constructor
 public:
  Account(std::string owner, int balance) : owner_(std::move(owner)), balance_(balance) {}
  [[nodiscard]] const std::string& owner() const { return owner_; }
  [[nodiscard]] int balance() const { return balance_; }

 private:
  friend class boost::serialization::access;
  Account() = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive & owner_ & balance_;
  }

  std::string owner_;
  int balance_ = 0;
};

class Interval {  // free serialize in its own namespace
 public:
  int low = 0, high = 0;
  Interval() = default;
  Interval(int l, int h) : low(l), high(h) {}
};
template <class Archive>
void serialize(Archive& archive, Interval& interval, const unsigned) {
  archive & interval.low & interval.high;
}

struct Partly {  // an aggregate, but with its own mind about what is sent
  int sent = 0;
  int not_sent = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive & sent;
  }
};

struct Shape {
  virtual ~Shape() = default;
  [[nodiscard]] virtual int sides() const = 0;
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};
struct Polygon : Shape {
  int n = 0;
  [[nodiscard]] int sides() const override { return n; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& boost::serialization::base_object<Shape>(*this) & n;
  }
};

class Thing {
 public:
  using multiprocessing_handle = void;
  Thing() = default;
  explicit Thing(std::uint64_t id) : id_(id) {}
  [[nodiscard]] detail::HandleId handle_id() const { return {id_}; }
  static Thing from_handle_id(detail::HandleId id) { return Thing(id.value); }

 private:
  std::uint64_t id_ = 0;
};
struct HoldsThings {
  std::vector<Thing> things;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive & things;
  }
};

class Opaque {
 public:
  explicit Opaque(int n) : n_(n) {}
  [[nodiscard]] int n() const { return n_; }

 private:
  int n_;
};

}  // namespace multiprocessing::test

BOOST_SERIALIZATION_ASSUME_ABSTRACT(multiprocessing::test::Shape)
BOOST_CLASS_EXPORT(multiprocessing::test::Polygon)

namespace multiprocessing::test {
namespace {

struct Job {
  int id;
  Account account;
  std::vector<Interval> intervals;
};

static_assert(is_transferable_v<Job>);
static_assert(is_transferable_v<std::valarray<int>>);
static_assert(!is_transferable_v<Opaque>);
static_assert(detail::is_plain_v<int> && is_transferable_v<std::vector<int>>);

TEST(SerializationTest, ClassWithPrivateSerializeArrives) {
  const auto arrived = round_trip(Account("ron", 16));

  EXPECT_EQ(arrived.owner(), "ron");
  EXPECT_EQ(arrived.balance(), 16);
}

TEST(SerializationTest, ClassWithFreeSerializeArrives) {
  EXPECT_EQ(round_trip(Interval(1, 5)).high, 5);
}

TEST(SerializationTest, SerializeOfAnAggregateIsHeeded) {
  const auto arrived = round_trip(Partly{1, 2});

  EXPECT_EQ(arrived.sent, 1);
  EXPECT_EQ(arrived.not_sent, 0);
}

TEST(SerializationTest, SerializedClassesArriveInsideOfAggregates) {
  const auto arrived = round_trip(Job{1, Account("x", 2), {{3, 4}}});

  EXPECT_EQ(arrived.account.balance(), 2);
  EXPECT_EQ(arrived.intervals.at(0).low, 3);
}

TEST(SerializationTest, PolymorphicObjectArrivesAsWhatItIs) {
  auto polygon = std::make_shared<Polygon>();
  polygon->n = 5;
  EXPECT_EQ(round_trip(std::shared_ptr<Shape>(polygon))->sides(), 5);

  detail::Writer out;
  auto triangle = std::make_unique<Polygon>();
  triangle->n = 3;
  detail::encode_value(out, std::unique_ptr<Shape>(std::move(triangle)));
  detail::Reader in(out.view());
  EXPECT_EQ(detail::decode_value<std::unique_ptr<Shape>>(in)->sides(), 3);
}

TEST(SerializationTest, HandlesInAnArchiveAreKnownToTheMessage) {
  detail::Writer out;
  detail::encode_value(out, HoldsThings{{Thing(7), Thing(8)}});
  EXPECT_EQ(out.handles(), (std::vector<detail::HandleId>{{7}, {8}}));

  detail::Reader in(out.view());
  EXPECT_EQ(detail::decode_value<HoldsThings>(in).things.at(1).handle_id().value, 8U);
}

TEST(SerializationTest, ContainerThatOnlyBoostKnowsArrives) {
  EXPECT_EQ(round_trip(std::valarray<int>{4, 5})[1], 5);
}

TEST(SerializationTest, ArchiveFromAStrangerIsRefused) {
  EXPECT_THROW(decoded<Interval>(encoded(Interval(1, 2)), false), TransferError);
}

TEST(SerializationTest, TruncatedArchiveIsRefused) {
  auto bytes = encoded(Account("somebody", 1));
  bytes.resize(bytes.size() - 3);
  EXPECT_THROW(decoded<Account>(bytes), TransferError);

  const std::uint64_t size = 4;
  std::memcpy(bytes.data(), &size, sizeof size);
  bytes.resize(sizeof size + size);
  EXPECT_THROW(decoded<Account>(bytes), TransferError);
}

}  // namespace
}  // namespace multiprocessing::test
