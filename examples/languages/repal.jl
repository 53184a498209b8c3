# Compares arrays (trial, time, channel): a text of JSON, an object for each metric and pair. Not run by any test.
#
#     include("examples/languages/repal.jl")
#     repal(["a" => x, "b" => y], "{\"metrics\": {\"dsa\": {}}}")

const librepal = "librepal_c.so.0"

struct Trial
    values::Ptr{Float64}
    type::Cint
    steps::Int64
    channels::Int64
    step_stride::Int64
    channel_stride::Int64
end

check(code) = code == 0 ? nothing : error(unsafe_string(ccall((:repal_error, librepal), Cstring, ())))

function repal(systems::Vector{Pair{String,Array{Float64,3}}}, options::String)
    host = Ref{Ptr{Cvoid}}(C_NULL)
    check(ccall((:repal_host_open, librepal), Cint, (Cstring, Ref{Ptr{Cvoid}}), C_NULL, host))
    handles = Ptr{Cvoid}[]
    try
        for (name, x) in systems
            trials, steps, channels = size(x)
            GC.@preserve x begin
                all = [Trial(pointer(x, k), 0, steps, channels, 8trials, 8trials * steps) for k in 1:trials]
                handle = Ref{Ptr{Cvoid}}(C_NULL)
                check(ccall((:repal_system_create, librepal), Cint, (Cstring, Ptr{Trial}, Csize_t, Ref{Ptr{Cvoid}}), name, all, trials, handle))
                push!(handles, handle[])
            end
        end
        comparison, text = Ref{Ptr{Cvoid}}(C_NULL), Ref{Ptr{Cchar}}(C_NULL)
        check(ccall((:repal_compare, librepal), Cint, (Ptr{Cvoid}, Ptr{Ptr{Cvoid}}, Csize_t, Cstring, Ptr{Cvoid}, Ref{Ptr{Cvoid}}),
                    host[], handles, length(handles), options, C_NULL, comparison))
        code = ccall((:repal_comparison_json, librepal), Cint, (Ptr{Cvoid}, Ref{Ptr{Cchar}}), comparison[], text)
        ccall((:repal_comparison_free, librepal), Cvoid, (Ptr{Cvoid},), comparison[])
        check(code)
        json = unsafe_string(text[])
        ccall((:repal_free, librepal), Cvoid, (Ptr{Cchar},), text[])
        return json
    finally
        foreach(handle -> ccall((:repal_system_free, librepal), Cvoid, (Ptr{Cvoid},), handle), handles)
        ccall((:repal_host_close, librepal), Cvoid, (Ptr{Cvoid},), host[])
    end
end
