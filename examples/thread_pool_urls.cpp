// The Python program loads five pages on five threads; a dict leads from each future, in the order
// in which they are done, back to its URL. One host does not exist: its future raises.

#include <multiprocessing/futures.hpp>
#include <multiprocessing/threading.hpp>

#include <boost/beast.hpp>

#include <iostream>
#include <string>
#include <unordered_map>

namespace mp = multiprocessing;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

void serve(tcp::acceptor& acceptor) {  // four pages, each as long as its path says
  for (int i = 0; i < 4; ++i) {
    tcp::socket socket = acceptor.accept();
    boost::beast::flat_buffer buffer;
    http::request<http::empty_body> request;
    http::read(socket, buffer, request);
    const std::string body(std::stoul(request.target().substr(1)), 'x');
    http::response<http::string_body> page{http::status::ok, 11, body};
    page.prepare_payload();
    http::write(socket, page);
  }
}

std::string load(const std::string& port, const std::string& url) {
  const std::string host = url.substr(0, url.find('/'));
  boost::asio::io_context context;
  tcp::socket socket(context);
  boost::asio::connect(socket, tcp::resolver(context).resolve(host, port));
  http::write(socket,
              http::request<http::empty_body>{http::verb::get, url.substr(host.size()), 11});
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> page;
  http::read(socket, buffer, page);
  return page.body();
}

int main() {
  boost::asio::io_context context;
  tcp::acceptor acceptor(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const std::string port = std::to_string(acceptor.local_endpoint().port());
  mp::threading::Thread server(serve, std::ref(acceptor));
  server.start();
  mp::ThreadPoolExecutor executor(5);
  std::unordered_map<mp::Future<std::string>, std::string> future_to_url;
  for (const std::string url :
       {"localhost/1", "localhost/20", "localhost/300", "localhost/4000", "no-such-host.invalid/"})
    future_to_url.emplace(executor.submit(load, port, url), url);
  for (auto& [future, url] : mp::as_completed(future_to_url)) {
    const auto error = future.exception();
    const auto size = error ? 0 : future.result().size();
    std::cout << url << ": " << (error ? mp::describe(error) : std::to_string(size)) << '\n';
  }
  server.join();
}
