package config

import (
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"

	"tributary/config/strict"
)

const environment = "environment"

// override sets what TRIBUTARY_* variables say over what the file said, and returns which key was set
// by which variable. Viper does this part only: it makes every key lower case, which would
// change the column names in a sync's rename and fill.
func override(f *strict.File, c *Config) map[string]string {
	v := viper.New()
	v.SetEnvPrefix("TRIBUTARY")
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	hook := viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(duration, splitList))
	set := map[string]string{}
	for _, s := range leaves(reflect.ValueOf(c).Elem(), "") {
		_ = v.BindEnv(s.key) // fails only without a key
		if !v.IsSet(s.key) {
			continue
		}
		variable := "TRIBUTARY_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
		set[s.key] = variable
		value := reflect.New(s.value.Type())
		if err := v.UnmarshalKey(s.key, value.Interface(), hook); err != nil { // not shown: it quotes the value
			f.Faults = append(f.Faults, Fault{File: environment, Key: variable, Problem: "its value does not fit", Fix: "write " + wanted(s.value.Type())})
			continue
		}
		s.value.Set(value.Elem())
	}
	return set
}

// leaf is a setting that one variable can hold.
type leaf struct {
	key   string
	value reflect.Value
}

func leaves(v reflect.Value, parent string) []leaf {
	var all []leaf
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if key := strict.Join(parent, name); v.Field(i).Kind() == reflect.Struct {
			all = append(all, leaves(v.Field(i), key)...)
		} else {
			all = append(all, leaf{key, v.Field(i)})
		}
	}
	return all
}

// duration reads a time as files have it.
func duration(_, to reflect.Type, data any) (any, error) {
	text, ok := data.(string)
	if !ok || to != reflect.TypeFor[time.Duration]() {
		return data, nil
	}
	read, ok := strict.ParseDuration(text)
	if !ok {
		return nil, errors.New("is not a time")
	}
	return read, nil
}

// splitList reads a list from one variable: eu,us.
func splitList(_, to reflect.Type, data any) (any, error) {
	text, ok := data.(string)
	if !ok || to != reflect.TypeFor[[]string]() {
		return data, nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts, nil
}

func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a time with its unit, such as 30s, 10m, 12h or 7d"
	case t.Kind() == reflect.Int:
		return "a whole number"
	}
	return "text"
}
