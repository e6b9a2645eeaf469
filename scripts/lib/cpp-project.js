/**
 * Generator for a C++17 project with many headers and templates: each source is 120,000 lines after preprocessing, and
 * instantiates the templates with its own parameters. The project is the same in each run.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = 96;
/** The number of the project's own headers, each with a class template. */
const HEADERS = 3;

const LIBRARY =
  'algorithm any array chrono condition_variable deque filesystem fstream functional future iomanip iostream iterator ' +
  'list map memory mutex numeric optional random regex set shared_mutex sstream string thread tuple unordered_map ' +
  'unordered_set valarray variant vector';

/** @param {string} directory is created */
export function writeCppProject(directory) {
  for (const name of ['src', 'include', 'obj']) mkdirSync(join(directory, name), { recursive: true });
  const headers = Array.from({ length: HEADERS }, (_, index) => `shape_${index}.hpp`);
  writeFileSync(join(directory, 'include', 'library.hpp'), includes(LIBRARY.split(' ').map((name) => `<${name}>`)));
  for (const [index, name] of headers.entries()) writeFileSync(join(directory, 'include', name), header(index));
  const all = ['"library.hpp"', ...headers.map((name) => `"${name}"`)];
  const names = Array.from({ length: SOURCES }, (_, index) => `unit_${index}`);
  for (const [index, name] of names.entries()) {
    writeFileSync(join(directory, 'src', `${name}.cpp`), `${includes(all)}\n${unit(index)}`);
  }
  writeFileSync(join(directory, 'src', 'main.cpp'), main());
  writeFileSync(join(directory, 'Makefile'), MAKEFILE);
}

/** @param {readonly string[]} names */
function includes(names) {
  return `${names.map((name) => `#include ${name}`).join('\n')}\n`;
}

/** @param {number} index */
function header(index) {
  return `#pragma once
#include "library.hpp"

template <typename Key, int Count>
class Shape${index} {
public:
  using Value = std::variant<int, double, std::string, std::array<int, Count>>;

  void set(const Key &key, Value value) { values_[key] = std::move(value); }

  std::string text() const {
    std::ostringstream out;
    for (const auto &[key, value] : values_) {
      std::visit(
          [&](const auto &held) {
            if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::array<int, Count>>)
              out << key << std::accumulate(held.begin(), held.end(), ${index});
            else
              out << key << held;
          },
          value);
    }
    return out.str();
  }

private:
  std::map<Key, Value> values_;
};
`;
}

/** @param {number} index */
function unit(index) {
  const calls = Array.from({ length: HEADERS }, (_, each) => {
    const type = `Shape${each}<std::pair<Tag<${each}>, int>, ${index + each + 1}>`;
    return `  { ${type} shape; shape.set({{}, ${each}}, ${index}.5); size += shape.text().size(); }`;
  });
  return `namespace {
template <int> struct Tag {
  bool operator<(const Tag &) const { return false; }
};
template <int N>
std::ostream &operator<<(std::ostream &out, const std::pair<Tag<N>, int> &key) { return out << N << key.second; }
} // namespace

std::size_t unit_${index}() {
  std::size_t size = 0;
${calls.join('\n')}
  return size;
}
`;
}

function main() {
  const numbers = Array.from({ length: SOURCES }, (_, index) => index);
  return [
    '#include <cstddef>',
    '#include <cstdio>',
    ...numbers.map((index) => `std::size_t unit_${index}();`),
    `int main() { std::printf("%zu\\n", ${numbers.map((index) => `unit_${index}()`).join(' + ')}); }`,
    '',
  ].join('\n');
}

const MAKEFILE = `CXX = g++
CXXFLAGS = -std=c++17 -O1 -Wall
objects = $(patsubst src/%.cpp,obj/%.o,$(wildcard src/*.cpp))

program: $(objects)
	$(CXX) -o $@ $(objects) -pthread

obj/%.o: src/%.cpp
	$(CXX) $(CXXFLAGS) -Iinclude -MMD -MF $@.d -c -o $@ $<
`;
