#pragma once

/// \file multiprocessing/detail/dict_iterator.hpp
/// Walks over a Dict that others change meanwhile: what is there throughout is seen once.

#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>

#include <multiprocessing/detail/dict_bytes.hpp>
#include <multiprocessing/detail/dict_codec.hpp>

namespace multiprocessing::detail {

/// The entries of a dict, one leaf at a time.
class DictWalk {
 public:
  DictWalk(ByteDict dict, bool values) : dict_(std::move(dict)), values_(values) { settle(); }

  [[nodiscard]] bool done() const noexcept { return at_ == leaf_.entries.size(); }
  void step() {
    ++at_;
    settle();
  }
  template <class K>
  [[nodiscard]] K key() const {
    return decode_dict<K>(leaf_.key(at_));
  }
  template <class V>
  [[nodiscard]] V value() const {
    return decode_dict<V>(leaf_.value(at_));
  }
  [[nodiscard]] std::span<const std::byte> key_bytes() const noexcept { return leaf_.key(at_); }
  [[nodiscard]] std::span<const std::byte> value_bytes() const noexcept { return leaf_.value(at_); }

 private:
  void settle() {
    while (at_ == leaf_.entries.size() && !cursor_.done) {
      dict_.next(cursor_, values_, leaf_);
      at_ = 0;
    }
  }

  DictSnapshot leaf_;
  ByteDict dict_;
  DictCursor cursor_;
  std::size_t at_ = 0;
  bool values_;
};

/// Yields keys, as iterating over a dict does in Python.
template <class K>
class DictIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using iterator_category = std::input_iterator_tag;
  using value_type = K;
  using reference = K;
  using pointer = void;
  using difference_type = std::ptrdiff_t;

  DictIterator() = default;
  explicit DictIterator(ByteDict dict)
      : walk_(std::make_shared<DictWalk>(std::move(dict), false)) {}

  K operator*() const { return walk_->key<K>(); }
  DictIterator& operator++() {
    walk_->step();
    return *this;
  }
  void operator++(int) { walk_->step(); }
  friend bool operator==(const DictIterator& it, std::default_sentinel_t) {
    return it.walk_ == nullptr || it.walk_->done();
  }

 private:
  std::shared_ptr<DictWalk> walk_;  // copies stand at the same place, as input iterators do
};

}  // namespace multiprocessing::detail
