# Compares arrays (trial, time, channel) of a named list; a data frame, a row for each metric and pair.
#
#     dyn.load("repal_r.so"); source("examples/languages/repal.R")
#     repal(list(a = x, b = y), '{"metrics": {"dsa": {"rank": 3, "n_delays": 4}, "cka": {}}}')
repal <- function(systems, options = '{"metrics": {"dsa": {}}}') {
  for (name in names(systems))
    if (length(dim(systems[[name]])) != 3) stop(name, ": expected an array (trial, time, channel)")
  found <- .C("repal_r_compare", as.double(unlist(systems)), as.integer(unlist(lapply(systems, dim))), length(systems),
              names(systems), options, code = integer(1), text = "", NAOK = TRUE)
  if (found$code != 0) stop(found$text)
  read.csv(text = found$text)
}
