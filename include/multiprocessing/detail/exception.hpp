#pragma once

/// \file multiprocessing/detail/exception.hpp
/// Exceptions on their way to another process, and MULTIPROCESSING_EXCEPTION, which is public.
///
///   sharing   an exception arrives as its own type if that is known here, else as RemoteError
///   threads   every function may be called concurrently
///   ordering  none
///   death     nothing shared is touched

#include <concepts>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing {
template <class T>
struct Codec;
}  // namespace multiprocessing

namespace multiprocessing::detail {

class Writer;
class Reader;

/// Where an exception escaped. Whatever is empty is left out of the traceback; pid 0: this process.
struct Origin {
  std::string process;
  int pid = 0;
  std::string task;
  std::string function;
};

/// Writes the exception with a traceback. A null pointer is written as such.
MULTIPROCESSING_API void encode_exception(Writer& out, const std::exception_ptr& exception,
                                          const Origin& origin = {});

/// The exception as its own type, or as RemoteError. \throws TransferError only if the bytes end
/// too early.
MULTIPROCESSING_API std::exception_ptr decode_exception(Reader& in);

/// Its `what()`, or a number or text that was thrown itself.
MULTIPROCESSING_API std::string exception_text(const std::exception_ptr& exception);

/// "ValueError", "std::out_of_range", "app::HttpError".
MULTIPROCESSING_API std::string exception_name(const std::exception_ptr& exception);

/// Base of what stands for an exception of another process: knows its type and its traceback.
class MULTIPROCESSING_API Carried {
 public:
  [[nodiscard]] virtual const std::type_info& thrown_type() const noexcept = 0;
  [[nodiscard]] const std::string& what_text() const noexcept { return texts_->first; }
  [[nodiscard]] const std::string& traceback() const noexcept { return texts_->second; }

 protected:
  Carried(std::string what, std::string traceback)
      : texts_(std::make_shared<const std::pair<std::string, std::string>>(std::move(what),
                                                                           std::move(traceback))) {}
  Carried(const Carried&) = default;
  Carried& operator=(const Carried&) = default;
  Carried(Carried&&) = default;
  Carried& operator=(Carried&&) = default;
  ~Carried() = default;

 private:
  std::shared_ptr<const std::pair<std::string, std::string>> texts_;  // copied without throwing
};

/// Caught as the T that was thrown.
template <class T>
class Arrived final : public T, public Carried {
 public:
  Arrived(T thrown, std::string what, std::string traceback)
      : T(std::move(thrown)), Carried(std::move(what), std::move(traceback)) {}
  [[nodiscard]] const std::type_info& thrown_type() const noexcept override { return typeid(T); }
};

/// With the text of the original, whatever T's constructor made of it.
template <class T>
  requires std::is_base_of_v<std::exception, T>
class Arrived<T> final : public T, public Carried {
 public:
  Arrived(T thrown, std::string what, std::string traceback)
      : T(std::move(thrown)), Carried(std::move(what), std::move(traceback)) {}
  [[nodiscard]] const std::type_info& thrown_type() const noexcept override { return typeid(T); }
  [[nodiscard]] const char* what() const noexcept override { return this->what_text().c_str(); }
};

/// Keeps the traceback of an exception that cannot be derived from; the latest 32 are kept.
MULTIPROCESSING_API std::exception_ptr remember_traceback(std::exception_ptr exception,
                                                          std::string traceback);

template <class T>
std::exception_ptr arrive(T thrown, std::string what, std::string traceback) {
  if constexpr (!std::is_class_v<T> || std::is_final_v<T>) {
    return remember_traceback(std::make_exception_ptr(std::move(thrown)), std::move(traceback));
  } else {
    return std::make_exception_ptr(
        Arrived<T>(std::move(thrown), std::move(what), std::move(traceback)));
  }
}

/// How one type of exception travels: its data beside its text.
struct ExceptionKind {
  const std::type_info* type = nullptr;
  void (*encode)(Writer& out, const std::exception_ptr& exception) = nullptr;
  std::exception_ptr (*decode)(Reader& in, std::string what, std::string traceback) = nullptr;
};

/// Makes a kind known for as long as the module that registers it is loaded.
class MULTIPROCESSING_API ExceptionRegistration {
 public:
  explicit ExceptionRegistration(ExceptionKind kind);
  ExceptionRegistration(const ExceptionRegistration&) = delete;
  ExceptionRegistration& operator=(const ExceptionRegistration&) = delete;
  ~ExceptionRegistration();

  /// By the mangled name. False if there is none.
  static bool find(std::string_view name, ExceptionKind& found);

 private:
  struct Entry;
  Entry* entry_;
};

template <class T>
concept NamesSerializeMember =
    requires(T& value, Writer& archive) { value.serialize(archive, 0U); };

/// Nothing but its text is needed to make a T.
template <class T>
concept MadeFromText = std::constructible_from<T, const std::string&> && !NamesSerializeMember<T>;

template <class T>
ExceptionKind exception_kind() {
  if constexpr (MadeFromText<T>) {
    return {&typeid(T), [](Writer&, const std::exception_ptr&) {},
            [](Reader&, std::string what, std::string traceback) {
              T thrown(what);
              return arrive<T>(std::move(thrown), std::move(what), std::move(traceback));
            }};
  } else {  // field by field or by its serialize(): needs any other header of the library
    return {&typeid(T),
            [](Writer& out, const std::exception_ptr& exception) {
              try {
                std::rethrow_exception(exception);
              } catch (const T& thrown) {
                Codec<T>::encode(out, thrown);
              }
            },
            [](Reader& in, std::string what, std::string traceback) {
              return arrive<T>(Codec<T>::decode(in), std::move(what), std::move(traceback));
            }};
  }
}

}  // namespace multiprocessing::detail

#define MULTIPROCESSING_PASTE(a, b) a##b
#define MULTIPROCESSING_JOIN(a, b) MULTIPROCESSING_PASTE(a, b)

/// At namespace scope: exceptions of this class arrive in other processes as what they are. The
/// class can be made from its what() as a std::string, or is transferable. A semicolon may follow.
#define MULTIPROCESSING_EXCEPTION(...)                                           \
  [[maybe_unused]] static const ::multiprocessing::detail::ExceptionRegistration \
      MULTIPROCESSING_JOIN(multiprocessing_exception_,                           \
                           __COUNTER__)(::multiprocessing::detail::exception_kind<__VA_ARGS__>());
