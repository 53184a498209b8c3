"""What the sources include, as text: which standard header each name needs, and what stands after an import."""

import pathlib
import re

# The header that must be included by a file that uses one of these names of namespace std.
NAMES = {
    "algorithm": "clamp copy_n fill fill_n find find_if find_if_not lexicographical_compare max max_element min minmax search "
                 "stable_sort transform unique sort copy count count_if all_of any_of none_of equal lower_bound upper_bound "
                 "min_element minmax_element next_permutation nth_element partial_sort remove_if replace replace_if "
                 "reverse rotate binary_search is_sorted",
    "array": "array",
    "atomic": "atomic",
    "bit": "bit_cast endian popcount bit_width countr_zero",
    "charconv": "from_chars to_chars",
    "cmath": "abs acos asin atan atan2 ceil cos exp expm1 floor fmod ilogb isfinite isinf isnan ldexp llround log log10 log1p log2 "
             "lround nan nextafter pow remainder round sin sqrt tan tanh hypot cbrt erf erfc lgamma tgamma fma trunc signbit",
    "cctype": "isalnum isalpha isdigit isspace tolower toupper isprint",
    "complex": "complex polar arg conj norm",
    "concepts": "same_as unsigned_integral integral floating_point convertible_to derived_from invocable",
    "condition_variable": "condition_variable",
    "csignal": "raise signal",
    "cstddef": "byte ptrdiff_t size_t to_integer nullptr_t max_align_t",
    "cstdint": "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t intptr_t uintmax_t intmax_t",
    "cstdio": "fflush fputs printf fprintf snprintf fopen fclose fread fwrite rename remove FILE",
    "cstdlib": "abort atexit exit free getenv malloc rand srand strtod strtol system _Exit quick_exit",
    "cstring": "memcpy memcmp memmove memset strerror strcmp strlen strncpy",
    "ctime": "time time_t tm gmtime localtime strftime",
    "deque": "deque",
    "exception": "current_exception exception exception_ptr rethrow_exception terminate uncaught_exceptions make_exception_ptr",
    "filesystem": "filesystem",
    "fstream": "ifstream ofstream fstream",
    "functional": "function greater less not_fn plus multiplies hash reference_wrapper ref cref invoke identity",
    "initializer_list": "initializer_list",
    "iomanip": "quoted setw setprecision setfill",
    "ios": "ios",
    "iostream": "cout cerr cin clog",
    "iterator": "back_inserter distance istreambuf_iterator next prev advance inserter make_move_iterator ssize",
    "latch": "latch",
    "limits": "numeric_limits",
    "list": "list",
    "map": "map multimap",
    "memory": "make_shared make_unique shared_ptr static_pointer_cast dynamic_pointer_cast unique_ptr weak_ptr addressof",
    "mutex": "mutex lock_guard unique_lock scoped_lock once_flag call_once",
    "new": "bad_alloc align_val_t nothrow launder",
    "numbers": "numbers",
    "numeric": "accumulate inner_product iota reduce gcd lcm partial_sum midpoint",
    "optional": "optional nullopt nullopt_t make_optional",
    "ostream": "ostream endl flush",
    "queue": "queue priority_queue",
    "random": "mt19937 mt19937_64 uniform_real_distribution uniform_int_distribution normal_distribution random_device",
    "ranges": "views",
    "regex": "regex regex_constants regex_search regex_match regex_replace smatch sregex_iterator",
    "set": "set multiset",
    "span": "span as_bytes as_writable_bytes dynamic_extent",
    "sstream": "istringstream ostringstream stringstream",
    "stdexcept": "logic_error runtime_error invalid_argument out_of_range domain_error length_error range_error",
    "string": "string getline stod stoi stol stoul stoull to_string char_traits u8string wstring",
    "string_view": "string_view",
    "system_error": "errc error_code generic_category system_category system_error error_condition",
    "thread": "jthread thread this_thread",
    "tuple": "apply tie tuple tuple_cat make_tuple forward_as_tuple tuple_size_v tuple_element_t",
    "type_traits": "is_arithmetic_v is_enum_v is_same_v remove_const_t remove_cvref_t remove_reference_t conditional_t decay_t "
                   "enable_if_t is_base_of_v is_const_v is_convertible_v is_floating_point_v is_integral_v is_signed_v "
                   "is_trivially_copyable_v is_unsigned_v invoke_result_t underlying_type_t void_t true_type false_type "
                   "integral_constant is_aggregate_v is_default_constructible_v is_constructible_v is_class_v",
    "unordered_map": "unordered_map",
    "unordered_set": "unordered_set",
    "utility": "as_const exchange move pair swap forward declval in_place_type in_place_type_t in_place index_sequence "
               "make_index_sequence index_sequence_for make_pair piecewise_construct unreachable cmp_less to_underlying",
    "variant": "get_if variant visit monostate holds_alternative variant_size_v variant_alternative_t",
    "vector": "vector",
    "chrono": "chrono",
    "ratio": "milli micro nano ratio",
}
HEADER = {name: header for header, names in NAMES.items() for name in names.split()}
# Declared by more than one header: any of them will do.
ANY_OF = {
    "get": {"array", "map", "ranges", "tuple", "utility", "variant"},
    "abs": {"cmath", "complex", "cstdlib"},
    "size_t": {"cstddef", "cstdio", "cstdlib", "cstring", "ctime"},
    "swap": {"utility", "algorithm", "string", "vector", "array", "map", "memory"},
    "remove": {"algorithm", "cstdio"},
    "distance": {"iterator", "algorithm", "map", "set", "string", "vector"},
    "next": {"iterator", "map", "set", "string", "vector", "array", "list", "span", "string_view"},
    **{name: {"map", "set", "string", "vector", "list", "deque"} for name in ("erase", "erase_if")},
    **{name: {"cmath", "complex"} for name in "acos asin atan cos exp log log10 pow sin sqrt tan tanh".split()},
    **{name: {"iterator", "map", "set", "string", "vector", "array", "list", "span", "string_view"}
       for name in ("prev", "ssize", "back_inserter")},
    **{name: {"exception", "stdexcept"} for name in ("exception", "current_exception", "exception_ptr", "rethrow_exception")},
    "ios": {"ios", "fstream", "sstream", "iostream", "ostream"},
    "ostream": {"ostream", "fstream", "sstream", "iostream"},
    "getline": {"string", "fstream", "sstream"},
    "istreambuf_iterator": {"iterator", "fstream", "sstream"},
    "error_code": {"system_error", "filesystem"},
    "pair": {"utility", "map", "tuple"},
    "move": {"utility", "algorithm"},
    "nullopt": {"optional"},
}
# In namespace std::ranges: algorithms, but for these.
OF_RANGES = {"greater": "functional", "less": "functional", "equal_to": "functional", "size": "ranges", "begin": "ranges",
             "end": "ranges", "subrange": "ranges", "range": "ranges"}

INCLUDE = re.compile(r"^\s*#\s*include\s*(<[^>]+>|\"[^\"]+\")", re.MULTILINE)
IMPORT = re.compile(r"^\s*(?:export\s+)?import\s+[\w.:]+\s*;", re.MULTILINE)
NOT_CODE = re.compile(r"//[^\n]*|/\*.*?\*/|R\"\((?:.|\n)*?\)\"|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
NAME = re.compile(r"\bstd::(ranges::)?(\w+)")
BRACES_IN_LOOP = re.compile(r"\bfor \([^;()]*:\s*\{")


def without_text(source):
    """The source without comments and strings; includes keep their names."""
    return NOT_CODE.sub(lambda match: " " if match[0].startswith("/") or "include" not in source[
        source.rfind("\n", 0, match.start()) + 1:match.start()] else match[0], source)


def included(source):
    """Names of the standard headers and, quoted, of our own."""
    return {name.strip("<>") for name in INCLUDE.findall(source)}


def headers_of(space, name):
    """The headers of which one must be included for std::name; None if the name is not known here."""
    if space:
        return {OF_RANGES.get(name, "algorithm")}
    if name in ANY_OF:
        return ANY_OF[name]
    return {HEADER[name]} if name in HEADER else None


def missing_includes(source, interface=""):
    """Findings of one source; `interface` is its own header, whose includes it may count on."""
    code = without_text(source)
    has = included(code) | included(without_text(interface))
    found = []
    for space, name in sorted(set(NAME.findall(code))):
        if name == "ranges":
            continue
        headers = headers_of(space, name)
        if headers is None:
            found.append(f"std::{space}{name} has no header in tests/architecture/includes.py: add it")
        elif not headers & has:
            found.append(f"std::{space}{name} needs <{'> or <'.join(sorted(headers))}>")
    if BRACES_IN_LOOP.search(code) and "initializer_list" not in has:
        found.append("a loop over {...} needs <initializer_list>")
    return found


def late_includes(file, read=pathlib.Path.read_text):
    """Includes that the compiler meets after an import, our own headers included: 'name after an import'."""
    def walk(path, chain, state):
        code = without_text(read(path))
        for match in re.finditer(f"(?m){INCLUDE.pattern}|{IMPORT.pattern}", code):
            if match[1] is None:
                state["imported"] = True
                continue
            if state["imported"]:
                found.append(f"{match[1]} after an import{' of ' + chain if chain else ''}")
            if match[1].startswith('"'):
                own = path.parent / match[1].strip('"')
                if own.exists() and own not in seen:
                    seen.add(own)
                    walk(own, own.name, state)
    found, seen = [], set()
    walk(file, "", {"imported": False})
    return found
