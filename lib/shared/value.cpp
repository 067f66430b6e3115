#include <multiprocessing/detail/value_cell.hpp>

#include <cstring>

#include "shared/value_head.hpp"
#include "shm/object.hpp"

namespace multiprocessing::detail {
namespace {

constexpr auto kKind = static_cast<std::uint32_t>(shm::ObjectKind::value);

bool is_small(std::size_t size) noexcept {
  return size <= sizeof(std::uint64_t);
}

}  // namespace

ValueObject::ValueObject(const void* value, std::size_t size, const LockChoice& choice)
    : GuardedObject({.kind = kKind,
                     .item = size,
                     .count = 1,
                     .bytes = is_small(size) ? 0 : 2 * shared::buffer_stride(size),
                     .content = value,
                     .given = is_small(size) ? 0 : size},
                    choice),
      word_(reinterpret_cast<std::uint64_t*>(&head().word)),
      size_(size) {
  if (is_small(size)) std::memcpy(word_, value, size);  // nobody else has the object yet
}

ValueObject::ValueObject(HandleId id, std::size_t size)
    : GuardedObject(id, kKind, size),
      word_(reinterpret_cast<std::uint64_t*>(&head().word)),
      size_(size) {}

void ValueObject::read(void* out) const noexcept {
  shared::read_buffered(head().word, content(), size_, out);
}

void ValueObject::write(const void* from) const noexcept {
  shared::write_buffered(head().word, content(), size_, from);
}

}  // namespace multiprocessing::detail
