#include <limits>
#include <string>

#include <multiprocessing/detail/array_handle.hpp>
#include <multiprocessing/errors.hpp>

#include "shared/value_head.hpp"
#include "shm/object.hpp"

namespace multiprocessing::detail {
namespace {

constexpr auto kKind = static_cast<std::uint32_t>(shm::ObjectKind::array);

std::uint64_t bytes_of(std::size_t item, std::size_t count) {
  std::int64_t bytes = 0;
  const bool over = __builtin_mul_overflow(item, count, &bytes);
  if (over || bytes > std::numeric_limits<std::int64_t>::max() / 2) {
    throw ValueError("an Array of " + std::to_string(count) + " elements: negative, or too many");
  }
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace

ArrayObject::ArrayObject(std::size_t item, std::size_t count, const void* content,
                         const LockChoice& choice)
    : GuardedObject({.kind = kKind,
                     .item = item,
                     .count = count,
                     .bytes = bytes_of(item, count),
                     .content = content,
                     .given = content != nullptr ? item * count : 0},
                    choice),
      data_(this->content()),
      size_(count) {}

ArrayObject::ArrayObject(HandleId id, std::size_t item)
    : GuardedObject(id, kKind, item), data_(content()), size_(head().count) {}

void throw_index_out_of_range(std::size_t index, std::size_t size) {
  throw ValueError("array index " + std::to_string(index) + " out of range for size " +
                   std::to_string(size));
}

}  // namespace multiprocessing::detail
