// Message framing: both lengths of the header, pieces of any size, and headers that lie.

#include "wire/frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace multiprocessing::wire {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;

Bytes header(std::uint64_t size) {
  const FrameHeader made(size);
  return {made.view().begin(), made.view().end()};
}

Bytes raw(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

// Gives the reader at most `piece` bytes at a time; returns how many of `stream` it took.
std::size_t feed(FrameReader& reader, View stream, std::size_t piece = 1 << 20) {
  std::size_t taken = 0;
  while (!reader.complete() && taken < stream.size()) {
    const auto room = reader.room();
    const std::size_t count = std::min({room.size(), piece, stream.size() - taken});
    std::memcpy(room.data(), stream.data() + taken, count);
    reader.advance(count);
    taken += count;
  }
  return taken;
}

Bytes frame(std::string_view text) {
  Bytes out = header(text.size());
  const View body = bytes_of(text);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

int error_of(const auto& steps) {
  try {
    steps();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

TEST(FrameTest, HeadersAreThoseOfCPython) {
  EXPECT_EQ(header(0), raw({0, 0, 0, 0}));
  EXPECT_EQ(header(5), raw({0, 0, 0, 5}));
  EXPECT_EQ(header(0x01020304), raw({1, 2, 3, 4}));
  EXPECT_EQ(header(2 * kGiB - 1), raw({0x7f, 0xff, 0xff, 0xff}));
  EXPECT_EQ(header(2 * kGiB), raw({0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0}));
}

TEST(FrameTest, MessageIsPutTogetherFromAnyPieces) {
  const Bytes stream = frame("hello");
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader;

    EXPECT_EQ(feed(reader, stream, piece), stream.size());

    ASSERT_TRUE(reader.complete());
    EXPECT_EQ(reader.take(), Bytes(stream.begin() + 4, stream.end()));
  }
}

TEST(FrameTest, EmptyMessageIsCompleteWithItsHeader) {
  FrameReader reader;
  EXPECT_FALSE(reader.complete());

  feed(reader, header(0));

  EXPECT_TRUE(reader.complete());
  EXPECT_TRUE(reader.take().empty());
}

TEST(FrameTest, WhatFollowsAMessageStaysInTheStream) {
  Bytes stream = frame("one");
  const Bytes next = frame("two");
  stream.insert(stream.end(), next.begin(), next.end());
  FrameReader reader;

  EXPECT_EQ(feed(reader, stream), 7U);
}

TEST(FrameTest, LongHeaderMayAnnounceAShortMessage) {
  Bytes stream = raw({0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 2, 'h', 'i'});
  FrameReader reader;

  feed(reader, stream, 3);

  ASSERT_TRUE(reader.complete());
  EXPECT_EQ(reader.take(), raw({'h', 'i'}));
}

TEST(FrameTest, MessageThatIsAnnouncedButDoesNotComeTakesNoMemory) {
  FrameReader reader;
  feed(reader, raw({0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0, 0, 0, 0, 0}));
  ASSERT_EQ(reader.length(), std::uint64_t{1} << 40U);

  EXPECT_EQ(reader.room().size(), 65536U);
  feed(reader, Bytes(65536));

  EXPECT_EQ(reader.room().size(), 65536U) << "at most twice of what has come";
  EXPECT_FALSE(reader.complete());
}

TEST(FrameTest, NegativeLengthIsRefused) {
  FrameReader reader;

  EXPECT_EQ(error_of([&] { feed(reader, raw({0xff, 0xff, 0xff, 0xfe})); }), EPROTO);
  reader.clear();
  EXPECT_EQ(error_of([&] { feed(reader, raw({0x80, 0, 0, 0})); }), EPROTO);
}

TEST(FrameTest, LengthBeyondAnyMemoryIsRefused) {
  FrameReader reader;
  const Bytes most(12, std::byte{0xff});

  EXPECT_EQ(error_of([&] { feed(reader, most); }), EPROTO);
}

TEST(FrameTest, MessageIsReceivedInPlaceIfItFits) {
  const Bytes stream = frame("hello");
  Bytes buffer(8);
  FrameReader reader;
  feed(reader, View(stream).first(4));

  reader.fill_in_place(buffer);
  feed(reader, View(stream).subspan(4), 2);

  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(View(buffer).first(5).back(), std::byte{'o'});
}

TEST(FrameTest, MessageLongerThanTheBufferIsKept) {
  const Bytes stream = frame("hello");
  Bytes buffer(4);
  FrameReader reader;
  feed(reader, View(stream).first(4));

  reader.fill_in_place(buffer);
  feed(reader, View(stream).subspan(4));

  EXPECT_FALSE(reader.in_place());
  EXPECT_EQ(reader.take().size(), 5U);
}

TEST(FrameTest, MessageLeftInTheMiddleGoesOnElsewhere) {
  const Bytes stream = frame("hello");
  FrameReader reader;
  feed(reader, View(stream).first(4));
  {
    Bytes buffer(8);
    reader.fill_in_place(buffer);
    feed(reader, View(stream).subspan(4, 2));
    reader.leave_place();
  }

  feed(reader, View(stream).subspan(6));

  ASSERT_TRUE(reader.complete());
  EXPECT_EQ(reader.take(), Bytes(stream.begin() + 4, stream.end()));
}

}  // namespace
}  // namespace multiprocessing::wire
