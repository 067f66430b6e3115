#pragma once

/// \file multiprocessing/serialization.hpp
/// Makes transferable whatever Boost.Serialization can serialize: classes with a member or free
/// `serialize`, and polymorphic objects by pointers to their base (BOOST_CLASS_EXPORT).
///
///   sharing   an archive is part of the message; handles inside it stay handles
///   threads   as the codecs
///   ordering  none
///   death     nothing shared is touched
///
/// Include it before the first use of such a class. Archives are not accepted from strangers.
///
/// \code
///   class Job {
///     friend class boost::serialization::access;
///     template <class Archive>
///     void serialize(Archive& archive, unsigned) { archive & url_ & tries_; }
///     ...
///   };
///   mp::Queue<Job> jobs;
/// \endcode

#include <boost/archive/archive_exception.hpp>
#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/access.hpp>
#include <boost/serialization/export.hpp>
#include <boost/serialization/shared_ptr.hpp>
#include <boost/serialization/unique_ptr.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ios>
#include <memory>
#include <streambuf>
#include <string_view>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/vocabulary.hpp>

namespace multiprocessing::detail {

// Tells a user's free serialize() from the one that Boost has for every type: this one is better
// than Boost's (more constrained) and worse than the user's (less specialized).
namespace free_serialize {

struct BoostsOwn {};

template <class Archive, class T>
  requires std::is_class_v<T>
BoostsOwn serialize(Archive&, T&, unsigned int);

template <class T>
concept Found = requires(Writer& archive, T& value, boost::serialization::version_type version) {
  { serialize(archive, value, version) } -> std::same_as<void>;
};

}  // namespace free_serialize

template <class T>
concept BoostSerializable = std::is_class_v<T> && !SharedHandle<T> && !trivially_transferable<T> &&
                            (HasSerialize<T> || free_serialize::Found<T>);

/// Archive bytes go straight to the Writer.
class WriterStream final : public std::streambuf {
 public:
  explicit WriterStream(Writer& out) : out_(out) {}

 private:
  int_type overflow(int_type byte) override {
    const char value = traits_type::to_char_type(byte);
    out_.plain(value);
    return traits_type::not_eof(byte);
  }
  std::streamsize xsputn(const char* from, std::streamsize size) override {
    out_.bytes(from, static_cast<std::size_t>(size));
    return size;
  }

  Writer& out_;
};

class ReaderStream final : public std::streambuf {
 public:
  explicit ReaderStream(const std::byte* first, std::size_t size) {
    auto* begin = const_cast<char*>(reinterpret_cast<const char*>(first));  // a get area only
    setg(begin, begin, begin + size);
  }
};

/// The message around an archive that is being written, for the handles in it.
struct AroundArchive {
  Writer* out = nullptr;
  static inline char id;  // Boost finds its helpers by address
};

inline constexpr unsigned kArchiveFlags = boost::archive::no_header | boost::archive::no_codecvt;

template <class T>
void encode_archive(Writer& out, const T& value) {
  const Nested<Writer> level(out);
  const std::size_t size_at = out.size();
  out.plain(std::uint64_t{0});
  try {
    WriterStream stream(out);
    boost::archive::binary_oarchive archive(stream, kArchiveFlags);
    archive.get_helper<AroundArchive>(&AroundArchive::id).out = &out;
    archive << value;
  } catch (const boost::archive::archive_exception& error) {
    throw TransferError(type_name<T>() + " cannot be serialized: " + error.what());
  }
  const std::uint64_t size = out.size() - size_at - sizeof size;
  out.patch(size_at, &size, sizeof size);
}

template <class T>
void decode_archive(Reader& in, T& value) {
  if (!in.trusted()) throw_untrusted("an archive of Boost.Serialization");
  const Nested<Reader> level(in);
  Reader part = in.part(in.count());
  const std::size_t size = part.remaining();
  try {
    ReaderStream stream(part.take(size), size);
    boost::archive::binary_iarchive archive(stream, kArchiveFlags);
    archive >> value;
  } catch (const boost::archive::archive_exception& error) {
    throw TransferError(type_name<T>() + " cannot be read from its archive: " + error.what());
  } catch (const std::ios_base::failure& error) {
    throw TransferError(type_name<T>() + " cannot be read from its archive: " + error.what());
  }
}

template <class T>
struct ArchiveCodec {
  using Parts = Types<>;
  static constexpr std::string_view kName = "archive";
  static constexpr bool kFixed = false;

  static void encode(Writer& out, const T& value) { encode_archive(out, value); }
  static T decode(Reader& in) {
    T value;
    decode_archive(in, value);
    return value;
  }
};

/// Classes without a public default constructor go by pointer: Boost then makes them itself
/// (boost::serialization::access, load_construct_data).
template <class T>
  requires(!std::is_default_constructible_v<T>)
struct ArchiveCodec<T> {
  using Parts = Types<>;
  static constexpr std::string_view kName = "archive";
  static constexpr bool kFixed = false;

  static void encode(Writer& out, const T& value) {
    const T* pointer = &value;
    encode_archive(out, pointer);
  }
  static T decode(Reader& in) {
    T* pointer = nullptr;
    decode_archive(in, pointer);
    const std::unique_ptr<T> owner(pointer);
    if (owner == nullptr) throw_malformed("an archive holds no object");
    return std::move(*owner);
  }
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

// Of these, unlike classes are told apart by name (kNamed).

template <class T>
  requires detail::BoostSerializable<T>
struct Codec<T> : detail::ArchiveCodec<T> {
  static constexpr bool kNamed = true;
};

/// Smart pointers to polymorphic objects: they arrive as the class they are.
template <class T>
  requires std::is_polymorphic_v<T>
struct Codec<std::unique_ptr<T>> : detail::ArchiveCodec<std::unique_ptr<T>> {
  static constexpr bool kNamed = true;
};

template <class T>
  requires std::is_polymorphic_v<T>
struct Codec<std::shared_ptr<T>> : detail::ArchiveCodec<std::shared_ptr<T>> {
  static constexpr bool kNamed = true;
};

}  // namespace multiprocessing

namespace boost::serialization {

/// Handles of the library inside of serialized classes.
template <class Archive, multiprocessing::detail::SharedHandle T>
void serialize(Archive& archive, T& handle, const unsigned int) {
  using multiprocessing::detail::AroundArchive;
  if constexpr (Archive::is_saving::value) {
    auto* out = archive.template get_helper<AroundArchive>(&AroundArchive::id).out;
    if (out == nullptr) throw multiprocessing::TransferError("a handle in a foreign archive");
    multiprocessing::Codec<T>::encode(*out, handle);
  } else {
    multiprocessing::detail::HandleId id;
    archive.load_binary(&id.value, sizeof id.value);
    handle = T::from_handle_id(id);
  }
}

}  // namespace boost::serialization
