// Handles inside of values: their ids are noted for the message, and strangers may not send them.

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing {
namespace {

class Thing {
 public:
  using multiprocessing_handle = void;
  explicit Thing(std::uint64_t id) : id_(id) {}
  [[nodiscard]] detail::HandleId handle_id() const { return {id_}; }
  static Thing from_handle_id(detail::HandleId id) { return Thing(id.value); }

 private:
  std::uint64_t id_;
};

struct Request {
  std::string text;
  std::vector<Thing> things;
};

static_assert(is_transferable_v<Request>);
static_assert(!detail::is_plain_v<Thing>);

TEST(HandleTest, WriterKnowsTheHandlesOfAMessage) {
  detail::Writer out;
  detail::encode_value(out, Request{"x", {Thing(7), Thing(8)}});

  EXPECT_EQ(out.handles(), (std::vector<detail::HandleId>{{7}, {8}}));
}

TEST(HandleTest, HandleIsRebuiltFromItsId) {
  detail::Writer out;
  detail::encode_value(out, Request{"x", {Thing(7), Thing(8)}});

  detail::Reader in(out.view());
  const auto request = detail::decode_value<Request>(in);

  EXPECT_EQ(request.things.at(1).handle_id().value, 8U);
}

TEST(HandleTest, HandleFromAStrangerIsRefused) {
  detail::Writer out;
  detail::encode_value(out, Thing(7));

  detail::Reader in(out.view(), false);

  EXPECT_THROW(detail::decode_value<Thing>(in), TransferError);
}

TEST(HandleTest, WriterGrowsInTheMemoryOfItsSource) {
  struct Source final : detail::BufferSource {
    std::span<std::byte> grow(std::span<const std::byte> used, std::size_t at_least) override {
      std::vector<std::byte> larger(at_least);
      std::copy(used.begin(), used.end(), larger.begin());
      memory = std::move(larger);
      return memory;
    }
    std::vector<std::byte> memory;
  } source;
  detail::Writer out(source);

  detail::encode_value(out, std::string(1000, 'x'));

  EXPECT_EQ(out.data(), source.memory.data());
  detail::Reader in(out.view());
  EXPECT_EQ(detail::decode_value<std::string>(in), std::string(1000, 'x'));
}

}  // namespace
}  // namespace multiprocessing
