#include <cxxabi.h>

#include <cstdint>
#include <string>
#include <typeinfo>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/errors.hpp>

#include "sys/process.hpp"
#include "wire/exception_kinds.hpp"
#include "wire/kept_tracebacks.hpp"
#include "wire/names.hpp"

// An exception on its way:
//   bool      there is one
//   string    type, as people write it
//   string    what()
//   string    traceback
//   u64, ...  size and bytes of the type's own data
//   string    the type's mangled name; empty if it has to arrive as RemoteError

namespace multiprocessing {

namespace {

/// What can be told about an exception by looking at it.
struct Look {
  const std::type_info* type = nullptr;
  std::string name;
  std::string text;
  std::string traceback;
};

std::string name_of(const std::type_info* type) {
  if (type == nullptr) return "unknown exception";
  return std::string(wire::without_our_namespace(detail::readable_name(*type)));
}

Look look_at(const std::exception_ptr& exception) {
  Look look;
  try {
    std::rethrow_exception(exception);
  } catch (const RemoteError& error) {
    look = {nullptr, error.type_name(), error.what(), error.remote_traceback()};
    if (look.name.empty()) look.name = "RemoteError";
    return look;
  } catch (const detail::Carried& carried) {
    look = {&carried.thrown_type(), {}, carried.what_text(), carried.traceback()};
  } catch (const std::exception& error) {
    look = {abi::__cxa_current_exception_type(), {}, error.what(), {}};
  } catch (const std::string& text) {
    look = {&typeid(text), {}, text, {}};
  } catch (const char* text) {
    look = {&typeid(const char*), {}, text != nullptr ? text : "", {}};
  } catch (int number) {
    look = {&typeid(number), {}, std::to_string(number), {}};
  } catch (...) {
    look.type = abi::__cxa_current_exception_type();
  }
  look.name = name_of(look.type);
  if (look.traceback.empty()) look.traceback = wire::kept_traceback(exception);
  return look;
}

std::string joined(const std::string& name, const std::string& text) {
  return text.empty() ? name : name + ": " + text;
}

/// What came before in other processes, then this one's.
std::string traceback_text(const Look& look, const detail::Origin& origin) {
  const bool knows_nothing = origin.process.empty() && origin.task.empty();
  if (knows_nothing && !look.traceback.empty()) return look.traceback;
  const int pid = origin.pid != 0 ? origin.pid : sys::current_pid();
  std::string text = look.traceback;
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += "Traceback (most recent call last):\n  in ";
  text += origin.process.empty() ? "process" : origin.process;
  text += " (pid " + std::to_string(pid) + ")";
  if (!origin.task.empty()) text += ", task " + origin.task;
  if (!origin.function.empty()) text += ", " + origin.function;
  return text + "\n" + joined(look.name, look.text);
}

/// Writes the data that the exception's type has beside its text. False if it is not known.
bool encode_data(detail::Writer& out, const Look& look, const std::exception_ptr& exception) {
  const std::size_t size_at = out.size();
  out.plain(std::uint64_t{0});
  const std::size_t begin = out.size();
  bool known = false;
  try {
    detail::ExceptionKind kind;
    known = look.type != nullptr && wire::find_exception_kind(look.type->name(), kind);
    if (known) kind.encode(out, exception);
  } catch (...) {
    known = false;  // its data cannot be sent: better as RemoteError than another exception
  }
  const std::uint64_t size = out.size() - begin;
  out.patch(size_at, &size, sizeof size);
  return known;
}

}  // namespace

std::string describe(const std::exception_ptr& exception) {
  if (exception == nullptr) return {};
  const Look look = look_at(exception);
  return joined(look.name, look.text);
}

std::string remote_traceback(const std::exception_ptr& exception) {
  if (exception == nullptr) return {};
  return look_at(exception).traceback;
}

}  // namespace multiprocessing

namespace multiprocessing::detail {

std::string exception_text(const std::exception_ptr& exception) {
  return exception == nullptr ? std::string() : look_at(exception).text;
}

std::string exception_name(const std::exception_ptr& exception) {
  return exception == nullptr ? std::string() : look_at(exception).name;
}

void encode_exception(Writer& out, const std::exception_ptr& exception, const Origin& origin) {
  encode_value(out, exception != nullptr);
  if (exception == nullptr) return;
  const Look look = look_at(exception);
  encode_value(out, look.name);
  encode_value(out, look.text);
  encode_value(out, traceback_text(look, origin));
  const bool known = encode_data(out, look, exception);
  encode_value(out, known ? std::string(look.type->name()) : std::string());
}

std::exception_ptr decode_exception(Reader& in) {
  if (!decode_value<bool>(in)) return nullptr;
  auto name = decode_value<std::string>(in);
  const auto text = decode_value<std::string>(in);
  auto traceback = decode_value<std::string>(in);
  Reader data = in.part(in.count());
  const auto mangled = decode_value<std::string>(in);
  try {
    ExceptionKind kind;
    if (!mangled.empty() && wire::find_exception_kind(mangled, kind)) {
      return kind.decode(data, text, traceback);
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): RemoteError says what is known
  }
  return std::make_exception_ptr(RemoteError(std::move(name), text, std::move(traceback)));
}

}  // namespace multiprocessing::detail
