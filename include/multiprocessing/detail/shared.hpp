#pragma once

/// \file multiprocessing/detail/shared.hpp
/// A value of any transferable type that all processes read and none changes.
///
/// Mirrors no class of Python: where a Python program fills a global before it starts its workers,
/// a Shared is passed to them, also to those that run already.
///
///   sharing   copies refer to the same value; capture one, pass it, or send it anywhere
///   threads   every member may be called concurrently; the T is const
///   ordering  what is read is what was there when the Shared was made
///   death     the value goes with the last handle in the last living process, whoever made it
///
/// \code
///   const multiprocessing::Shared model(load_model());
///   pool.map(partial(score, model), rows);  // double score(Shared<Model> model, Row row)
/// \endcode

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/schema.hpp>

namespace multiprocessing::detail {

struct SharedEntry;  // lib/shared/shared_copies.hpp

/// The shared object and this process's copy of the value, neither of which knows T.
class MULTIPROCESSING_API SharedObject {
 public:
  using Value = std::shared_ptr<const void>;
  using Decode = Value (*)(Reader& in);

  /// Stores what `encoded` holds; `value` is this process's copy. \throws ArenaExhausted
  SharedObject(const Writer& encoded, std::uint64_t type, Value value);
  /// \throws ValueError if the object is gone, or is not a Shared of that type.
  SharedObject(HandleId id, std::uint64_t type);
  SharedObject(const SharedObject& other) noexcept;
  SharedObject& operator=(SharedObject other) noexcept;
  ~SharedObject();

  /// This process's copy, made by `decode` if it has none yet. \throws what that throws
  const void* value(Decode decode) const;

  [[nodiscard]] const Handle& handle() const noexcept { return handle_; }

 private:
  const void* decoded(Decode decode) const;

  Handle handle_;
  SharedEntry* entry_;
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

/// A T that is serialized once, and decoded once in each process that looks at it.
///
/// A process keeps its copy for the next handle that arrives, as long as the value exists anywhere
/// (of values to which it has no handle any more, the latest sixteen).
template <class T>
class Shared {
 public:
  using multiprocessing_handle = void;
  using element_type = const T;

  /// Serializes `value`, and keeps it as this process's own copy.
  /// \throws TransferError if it cannot be serialized; ArenaExhausted
  explicit Shared(T value) : object_(make(std::move(value))) { detail::require_transferable<T>(); }

  /// The value. What this refers to lives as long as this process has a handle to it.
  /// The first look in a process decodes. \throws TransferError if that fails
  const T& operator*() const { return *static_cast<const T*>(object_.value(decode)); }
  const T* operator->() const { return &**this; }

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return {object_.handle().id()}; }
  /// \throws ValueError if the value is gone, or has another type.
  static Shared from_handle_id(detail::HandleId id) { return Shared(id); }
  /// Whether both are the same object.
  friend bool operator==(const Shared& a, const Shared& b) noexcept {
    return a.object_.handle() == b.object_.handle();
  }

 private:
  friend struct std::hash<Shared>;

  explicit Shared(detail::HandleId id) : object_(id, detail::type_id<T>()) {}

  static detail::SharedObject make(T&& value) {
    detail::require_transferable<T>();
    detail::Writer out;
    detail::encode_value(out, value);
    return {out, detail::type_id<T>(), std::make_shared<const T>(std::move(value))};
  }
  static detail::SharedObject::Value decode(detail::Reader& in) {
    auto value = std::make_shared<const T>(detail::decode_value<T>(in));
    in.finish();
    return value;
  }

  detail::SharedObject object_;
};

Shared(const char*) -> Shared<std::string>;

}  // namespace multiprocessing

// NOLINTBEGIN(cert-dcl58-cpp): a specialization for a type of our own
template <class T>
struct std::hash<multiprocessing::Shared<T>> {
  std::size_t operator()(const multiprocessing::Shared<T>& shared) const noexcept {
    return std::hash<multiprocessing::detail::Handle>{}(shared.object_.handle());
  }
};
// NOLINTEND(cert-dcl58-cpp)
